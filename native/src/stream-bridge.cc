#include "stream-bridge.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace dstack {

namespace {

// Pieces moved at a time, so that one connection in full flow leaves the others their turns.
constexpr int kPieces = 4;

StreamBridge::Side Opposite(StreamBridge::Side side) {
  return side == StreamBridge::kOuter ? StreamBridge::kInner : StreamBridge::kOuter;
}

ssize_t Send(int fd, const uint8_t* bytes, size_t size) {
  ssize_t length = -1;
  do {
    length = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (length < 0 && errno == EINTR);
  return length;
}

ssize_t Receive(int fd, std::vector<uint8_t>* bytes) {
  ssize_t length = -1;
  do {
    length = recv(fd, bytes->data(), bytes->size(), MSG_DONTWAIT);
  } while (length < 0 && errno == EINTR);
  return length;
}

}  // namespace

StreamBridge::StreamBridge(UniqueFd outer, UniqueFd inner) : fds_{std::move(outer), std::move(inner)} {}

void StreamBridge::Advance(Side side, uint32_t events, std::vector<uint8_t>* scratch) {
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) hung_up_[side] = true;
  // Closed, and not because both ends of the stream have been reached: what is still to be written has no reader.
  if ((events & EPOLLHUP) != 0 && !flows_[Opposite(side)].done) GiveUp(Opposite(side), scratch);
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) Move(side, scratch);
  if ((events & ~static_cast<uint32_t>(EPOLLIN)) != 0) Move(Opposite(side), scratch);
}

void StreamBridge::Move(Side from, std::vector<uint8_t>* scratch) {
  Flow& flow = flows_[from];
  const Side to = Opposite(from);
  for (int piece = 0; piece < kPieces && !flow.done; piece++) {
    if (!SendHeld(from, scratch)) return;
    const ssize_t length = Receive(fd(from), scratch);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) {
      // All that came before is on its way, since nothing is read while something is held.
      shutdown(fd(to), SHUT_WR);
      flow.done = true;
      // Broken, it takes nothing either.
      if (length < 0) GiveUp(to, scratch);
    } else {
      const ssize_t sent = Send(fd(to), scratch->data(), static_cast<size_t>(length));
      if (sent < 0 && errno != EAGAIN) return GiveUp(from, scratch);
      flow.held.assign(scratch->begin() + (sent < 0 ? 0 : sent), scratch->begin() + length);
    }
  }
}

// Whether nothing is held any more.
bool StreamBridge::SendHeld(Side from, std::vector<uint8_t>* scratch) {
  Flow& flow = flows_[from];
  while (flow.sent < flow.held.size()) {
    const ssize_t length = Send(fd(Opposite(from)), flow.held.data() + flow.sent, flow.held.size() - flow.sent);
    if (length < 0) {
      if (errno != EAGAIN) GiveUp(from, scratch);
      return false;
    }
    flow.sent += static_cast<size_t>(length);
  }
  // Gives the memory back: idle connections hold none.
  flow.held = std::vector<uint8_t>();
  flow.sent = 0;
  return true;
}

// There is nobody to write to: drops what is held, and lets the writer know that nobody reads.
void StreamBridge::GiveUp(Side from, std::vector<uint8_t>* scratch) {
  Flow& flow = flows_[from];
  flow.held = std::vector<uint8_t>();
  flow.sent = 0;
  flow.done = true;
  shutdown(fd(from), SHUT_RD);
  // A writer that waits for room is not told of that: it needs room to try again, and fail.
  while (Receive(fd(from), scratch) > 0) {
  }
}

uint32_t StreamBridge::Wanted(Side side) const {
  const Flow& out = flows_[side];
  const Flow& in = flows_[Opposite(side)];
  uint32_t events = 0;
  if (!out.done && out.held.empty()) events |= EPOLLIN;
  if (!in.done && !in.held.empty()) events |= EPOLLOUT;
  return events;
}

}  // namespace dstack

#include "bridge-loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

namespace dstack {

namespace {

constexpr size_t kPieceBytes = 64 * 1024;
constexpr size_t kEventsAtOnce = 64;
// How long bytes written before a socket was closed may take to leave, where the kernel's own sockets take minutes.
constexpr std::chrono::milliseconds kLinger{2000};
// Connections above the limit that one call closes.
constexpr int kRefusedAtOnce = 64;

// What an event is about: an id and, in the lowest two bits, a kind. The two sides of a bridge are kinds 0 and 1.
constexpr uint64_t kListeningKind = 2;
constexpr uint64_t kWakeTag = 3;

bool Control(int epoll, int operation, int fd, uint32_t events, uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  return epoll_ctl(epoll, operation, fd, &event) == 0;
}

std::optional<Failure> MakePair(UniqueFd* ours, UniqueFd* theirs) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return FromErrno("socket pair", errno);
  *ours = UniqueFd(ends[0]);
  *theirs = UniqueFd(ends[1]);
  return std::nullopt;
}

}  // namespace

std::optional<Failure> BridgeLoop::Start(std::shared_ptr<BridgeLoop>* started) {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return FromErrno("epoll", errno);
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return FromErrno("eventfd", errno);
  if (!Control(epoll.get(), EPOLL_CTL_ADD, wake.get(), EPOLLIN, kWakeTag)) return FromErrno("epoll", errno);
  std::shared_ptr<BridgeLoop> loop(new BridgeLoop(std::move(epoll), std::move(wake)));
  // Signals are for Node's own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // Not std::thread, which throws when the system has no thread left.
  const auto run = [](void* self) -> void* {
    static_cast<BridgeLoop*>(self)->Run();
    return nullptr;
  };
  const int error_number = pthread_create(&loop->thread_, nullptr, run, loop.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error_number != 0) return FromErrno("thread", error_number);
  loop->running_ = true;
  *started = std::move(loop);
  return std::nullopt;
}

BridgeLoop::~BridgeLoop() {
  if (!running_) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    for (auto& [id, listening] : listening_) CloseListening(listening.get());
    listening_.clear();
    for (auto& [id, joined] : bridges_) Linger(id, &joined);
    eventfd_write(wake_.get(), 1);
  }
  pthread_join(thread_, nullptr);
}

void BridgeLoop::Run() {
  scratch_.resize(kPieceBytes);
  std::array<epoll_event, kEventsAtOnce> events;
  for (;;) {
    int timeout_ms = -1;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      timeout_ms = EndLingering();
      if (stopping_ && bridges_.empty()) return;
    }
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
    for (int i = 0; i < count; i++) {
      const std::lock_guard<std::mutex> lock(mutex_);
      Handle(events[i].data.u64, events[i].events);
    }
  }
}

// What is no longer there has left events behind: those are ignored, as no id is used twice.
void BridgeLoop::Handle(uint64_t tag, uint32_t events) {
  if (tag == kWakeTag) {
    eventfd_t value;
    eventfd_read(wake_.get(), &value);
    return;
  }
  const uint64_t id = tag >> 2;
  if ((tag & 3) == kListeningKind) {
    const auto found = listening_.find(id);
    if (found == listening_.end()) return;
    // Nobody watches the bell any more: nobody will ever accept.
    if (send(found->second->bell.get(), "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE) {
      CloseListening(found->second.get());
      listening_.erase(found);
    }
    return;
  }
  const auto found = bridges_.find(id);
  if (found == bridges_.end()) return;
  found->second.bridge.Advance((tag & 3) == StreamBridge::kOuter ? StreamBridge::kOuter : StreamBridge::kInner, events, &scratch_);
  Settle(found);
}

std::optional<Failure> BridgeLoop::Bridge(UniqueFd connected, UniqueFd* end) {
  UniqueFd inner;
  UniqueFd theirs;
  if (auto failure = MakePair(&inner, &theirs)) return failure;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (auto failure = Add(std::move(connected), std::move(inner), nullptr)) return failure;
  *end = std::move(theirs);
  return std::nullopt;
}

std::optional<Failure> BridgeLoop::Add(UniqueFd outer, UniqueFd inner, std::shared_ptr<Listening> listening) {
  const uint64_t id = next_id_++;
  const auto entry = bridges_.try_emplace(id, std::move(outer), std::move(inner)).first;
  if (!Watch(entry, StreamBridge::kOuter) || !Watch(entry, StreamBridge::kInner)) {
    const Failure failure = FromErrno("epoll", errno);
    Erase(entry);
    return failure;
  }
  if (listening != nullptr) listening->connections++;
  entry->second.listening = std::move(listening);
  return std::nullopt;
}

// After a bridge has moved.
void BridgeLoop::Settle(Bridges::iterator entry) {
  StreamBridge& bridge = entry->second.bridge;
  if (bridge.Finished() || !Watch(entry, StreamBridge::kOuter) || !Watch(entry, StreamBridge::kInner)) {
    Erase(entry);
  } else if (bridge.HungUp(StreamBridge::kInner)) {
    Linger(entry->first, &entry->second);
  }
}

// A socket that hung up says so again and again, whatever it is watched for; so it is watched only while there is something
// to be had from it, and then every event makes a difference. Any other is watched all the time, to see it hang up.
bool BridgeLoop::Watch(Bridges::iterator entry, StreamBridge::Side side) {
  auto& [id, joined] = *entry;
  const uint32_t wanted = joined.bridge.Wanted(side);
  std::optional<uint32_t>& watched = joined.watched[side];
  const int fd = joined.bridge.fd(side);
  if (wanted == 0 && joined.bridge.HungUp(side)) {
    if (watched) Control(epoll_.get(), EPOLL_CTL_DEL, fd, 0, 0);
    watched.reset();
    return true;
  }
  if (watched == wanted) return true;
  const int operation = watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (!Control(epoll_.get(), operation, fd, wanted, (id << 2) | side)) return false;
  watched = wanted;
  return true;
}

void BridgeLoop::Linger(uint64_t id, Joined* joined) {
  if (joined->lingers) return;
  joined->lingers = true;
  lingering_.emplace_back(Clock::now() + kLinger, id);
}

// Milliseconds until this has to be called again, -1 for never.
int BridgeLoop::EndLingering() {
  while (!lingering_.empty()) {
    const auto found = bridges_.find(lingering_.front().second);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(lingering_.front().first - Clock::now()).count();
    if (found != bridges_.end() && left > 0) return static_cast<int>(left);
    if (found != bridges_.end()) Erase(found);
    lingering_.pop_front();
  }
  return -1;
}

void BridgeLoop::Erase(Bridges::iterator entry) {
  Joined& joined = entry->second;
  for (const auto side : {StreamBridge::kOuter, StreamBridge::kInner}) {
    // By hand, as a child process about to start may still hold a copy of the descriptor.
    if (joined.watched[side]) Control(epoll_.get(), EPOLL_CTL_DEL, joined.bridge.fd(side), 0, 0);
  }
  const std::shared_ptr<Listening> listening = std::move(joined.listening);
  bridges_.erase(entry);
  if (listening == nullptr) return;
  listening->connections--;
  if (listening->connections == 0 && !listening->socket.valid()) listening->bell.Close();
}

std::optional<Failure> BridgeLoop::Listen(UniqueFd socket, size_t max_connections, std::shared_ptr<Listening>* listening,
                                          UniqueFd* bell) {
  auto made = std::make_shared<Listening>();
  if (auto failure = MakePair(&made->bell, bell)) return failure;
  made->socket = std::move(socket);
  made->max_connections = max_connections;
  const std::lock_guard<std::mutex> lock(mutex_);
  made->id = next_id_++;
  if (!Control(epoll_.get(), EPOLL_CTL_ADD, made->socket.get(), EPOLLIN | EPOLLONESHOT, (made->id << 2) | kListeningKind)) {
    return FromErrno("epoll", errno);
  }
  listening_.emplace(made->id, made);
  *listening = std::move(made);
  return std::nullopt;
}

std::optional<Failure> BridgeLoop::Accept(Listening* listening, sockaddr* peer, socklen_t peer_size, UniqueFd* end) {
  UniqueFd inner;
  UniqueFd theirs;
  // First, so that a connection that there are no descriptors for waits where it is.
  if (auto failure = MakePair(&inner, &theirs)) return failure;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = listening_.find(listening->id);
  if (found == listening_.end()) return std::nullopt;
  for (int refused = 0; refused < kRefusedAtOnce;) {
    socklen_t size = peer_size;
    UniqueFd accepted(accept4(listening->socket.get(), peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (accepted.valid()) {
      if (listening->connections < listening->max_connections) {
        if (auto failure = Add(std::move(accepted), std::move(inner), found->second)) return failure;
        *end = std::move(theirs);
        return std::nullopt;
      }
      refused++;
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return FromErrno("accept", errno);
    }
  }
  if (!Control(epoll_.get(), EPOLL_CTL_MOD, listening->socket.get(), EPOLLIN | EPOLLONESHOT, (listening->id << 2) | kListeningKind)) {
    return FromErrno("epoll", errno);
  }
  return std::nullopt;
}

void BridgeLoop::Close(Listening* listening) {
  const std::lock_guard<std::mutex> lock(mutex_);
  CloseListening(listening);
  listening_.erase(listening->id);
}

void BridgeLoop::CloseListening(Listening* listening) {
  if (!listening->socket.valid()) return;
  Control(epoll_.get(), EPOLL_CTL_DEL, listening->socket.get(), 0, 0);
  listening->socket.Close();
  if (listening->connections == 0) listening->bell.Close();
}

}  // namespace dstack

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "unique-fd.h"

namespace dstack {

// Two connected stream sockets, what is read from either being written to the other, as far as the other takes it.
// The end of one stream becomes the end of the other (shutdown(2)), so either direction can end first. Knows nothing
// of threads and never blocks: whoever owns it tells it what epoll(7) reported.
//
// An abort cannot be handed on as such: neither vsock nor a unix socket has a reset that its peer could tell from
// the end of the stream. The other side is closed, which ends what it reads and fails what it writes.
class StreamBridge {
 public:
  enum Side { kOuter = 0, kInner = 1 };

  StreamBridge(UniqueFd outer, UniqueFd inner);

  // Moves what can be moved, a bounded amount, after epoll reported `events` for `side`. `scratch` is used meanwhile.
  void Advance(Side side, uint32_t events, std::vector<uint8_t>* scratch);

  // Nothing will move any more.
  bool Finished() const { return flows_[kOuter].done && flows_[kInner].done; }

  // The events of epoll that would make it move on `side`.
  uint32_t Wanted(Side side) const;

  // Whoever is at the other end of this socket has closed it, or it broke.
  bool HungUp(Side side) const { return hung_up_[side]; }

  int fd(Side side) const { return fds_[side].get(); }

 private:
  // What is read from the side it is named for, on its way to the other.
  struct Flow {
    // Read and not yet written. While there is any, nothing more is read: this bounds the memory, and stalls the writer.
    std::vector<uint8_t> held;
    size_t sent = 0;
    // The end has been handed on, or there is nobody left to hand anything to.
    bool done = false;
  };

  void Move(Side from, std::vector<uint8_t>* scratch);
  bool SendHeld(Side from, std::vector<uint8_t>* scratch);
  void GiveUp(Side from, std::vector<uint8_t>* scratch);

  UniqueFd fds_[2];
  Flow flows_[2];
  bool hung_up_[2] = {false, false};
};

}  // namespace dstack

#pragma once

#include <pthread.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "failure.h"
#include "stream-bridge.h"
#include "unique-fd.h"

namespace dstack {

// A socket that listens, and what became of its connections. Everything is guarded by the mutex of its loop.
struct Listening {
  uint64_t id = 0;
  // Not valid once closed.
  UniqueFd socket;
  // One end of a socket pair: a byte says that connections wait, its end that the last one is gone after Close().
  UniqueFd bell;
  size_t max_connections = 0;
  size_t connections = 0;
};

// A thread that moves the bytes of every bridge of one JavaScript environment: one epoll(7), however many connections.
//
// It knows nothing of JavaScript, which hears of it through sockets alone: Node's own loop waits on them, keeps the
// process alive for them and closes them with the environment. So nothing has to be called from another thread, and
// the thread ends with the last owner of this object, at the latest when the environment goes down. One for each
// environment and not one for the process, because an addon is unloaded with the last environment that uses it.
// libuv's own polling of descriptors would save the thread, but is not part of Node-API.
class BridgeLoop {
 public:
  static std::optional<Failure> Start(std::shared_ptr<BridgeLoop>* started);

  // Ends all listening; bytes on their way get a moment to arrive, then everything is closed.
  ~BridgeLoop();
  BridgeLoop(const BridgeLoop&) = delete;
  BridgeLoop& operator=(const BridgeLoop&) = delete;

  // Bridges a connected stream socket; `end` is the unix socket to use in its place.
  std::optional<Failure> Bridge(UniqueFd connected, UniqueFd* end);

  // `bell` is the end of the socket pair to be watched.
  std::optional<Failure> Listen(UniqueFd socket, size_t max_connections, std::shared_ptr<Listening>* listening, UniqueFd* bell);

  // Takes one waiting connection; `end` stays invalid when there is none, and the bell rings for the next one.
  // Connections above the limit are closed. After a failure (out of descriptors) the bell does not ring: ask again later.
  std::optional<Failure> Accept(Listening* listening, sockaddr* peer, socklen_t peer_size, UniqueFd* end);

  // The address is free when it returns. A second call does nothing.
  void Close(Listening* listening);

 private:
  struct Joined {
    Joined(UniqueFd outer, UniqueFd inner) : bridge(std::move(outer), std::move(inner)) {}
    StreamBridge bridge;
    // null for a connection of our own making.
    std::shared_ptr<Listening> listening;
    // What epoll watches each side for; nothing when absent.
    std::optional<uint32_t> watched[2];
    bool lingers = false;
  };
  using Clock = std::chrono::steady_clock;
  using Bridges = std::unordered_map<uint64_t, Joined>;

  BridgeLoop(UniqueFd epoll, UniqueFd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}

  void Run();
  void Handle(uint64_t tag, uint32_t events);
  std::optional<Failure> Add(UniqueFd outer, UniqueFd inner, std::shared_ptr<Listening> listening);
  void Settle(Bridges::iterator entry);
  bool Watch(Bridges::iterator entry, StreamBridge::Side side);
  void Linger(uint64_t id, Joined* joined);
  void Erase(Bridges::iterator entry);
  int EndLingering();
  void CloseListening(Listening* listening);

  const UniqueFd epoll_;
  const UniqueFd wake_;
  pthread_t thread_{};
  bool running_ = false;
  // Of the thread alone.
  std::vector<uint8_t> scratch_;

  // Guards everything below, and every bridge. Held for one event at a time and never across a call that waits.
  std::mutex mutex_;
  bool stopping_ = false;
  uint64_t next_id_ = 1;
  Bridges bridges_;
  std::unordered_map<uint64_t, std::shared_ptr<Listening>> listening_;
  // Bridges nobody here uses any more, each with the moment it is given up; in that order.
  std::deque<std::pair<Clock::time_point, uint64_t>> lingering_;
};

}  // namespace dstack

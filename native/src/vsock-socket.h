#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "deadline.h"
#include "failure.h"
#include "unique-fd.h"

namespace dstack {

// vsock(7): a machine and a port on it. 0xffffffff is "any" in either when listening.
struct VsockAddress {
  uint32_t cid;
  uint32_t port;
};

// For messages: `vsock 2:4050`.
std::string VsockText(const VsockAddress& address);

// Waits until `fd` is ready for one of `events` (poll(2)); DEVICE_TIMEOUT when the deadline passes first.
std::optional<Failure> AwaitReady(int fd, short events, const Deadline& deadline, const std::string& what);

// A stream socket, not blocking, that is connected; DEVICE_ABSENT where the kernel knows no vsock.
std::optional<Failure> ConnectVsock(const VsockAddress& address, const Deadline& deadline, UniqueFd* connected);

// A stream socket, not blocking, that listens; `address` is then the one it has, with the port the kernel chose.
std::optional<Failure> ListenVsock(VsockAddress* address, int backlog, UniqueFd* listening);

}  // namespace dstack

// Sockets between a virtual machine and its host: vsock(7). Node's own sockets know none.
#include "vsock-socket.h"

#include <poll.h>
#include <sys/socket.h>
// After sys/socket.h, whose types it uses.
#include <linux/vm_sockets.h>

#include <cerrno>
#include <utility>

namespace dstack {

namespace {

sockaddr_vm ToSystem(const VsockAddress& address) {
  sockaddr_vm system{};
  system.svm_family = AF_VSOCK;
  system.svm_cid = address.cid;
  system.svm_port = address.port;
  return system;
}

std::optional<Failure> OpenVsock(const std::string& what, UniqueFd* opened) {
  *opened = UniqueFd(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (opened->valid()) return std::nullopt;
  if (errno == EAFNOSUPPORT) return Failure{FailureCode::kAbsent, EAFNOSUPPORT, what + ": this kernel has no vsock"};
  return FromErrno(what, errno);
}

}  // namespace

std::string VsockText(const VsockAddress& address) {
  return "vsock " + std::to_string(address.cid) + ":" + std::to_string(address.port);
}

std::optional<Failure> AwaitReady(int fd, short events, const Deadline& deadline, const std::string& what) {
  for (;;) {
    pollfd entry{fd, events, 0};
    const int ready = poll(&entry, 1, deadline.RemainingMs());
    if (ready > 0) return std::nullopt;
    if (ready == 0) return TimedOut(what);
    if (errno != EINTR) return FromErrno("poll " + what, errno);
  }
}

std::optional<Failure> ConnectVsock(const VsockAddress& address, const Deadline& deadline, UniqueFd* connected) {
  const std::string what = VsockText(address);
  UniqueFd opened;
  if (auto failure = OpenVsock(what, &opened)) return failure;
  const sockaddr_vm system = ToSystem(address);
  if (connect(opened.get(), reinterpret_cast<const sockaddr*>(&system), sizeof system) != 0) {
    if (errno != EINPROGRESS) return FromErrno("connect " + what, errno);
    if (auto failure = AwaitReady(opened.get(), POLLOUT, deadline, what)) return failure;
    int error_number = 0;
    socklen_t size = sizeof error_number;
    if (getsockopt(opened.get(), SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) error_number = errno;
    if (error_number != 0) return FromErrno("connect " + what, error_number);
  }
  *connected = std::move(opened);
  return std::nullopt;
}

std::optional<Failure> ListenVsock(VsockAddress* address, int backlog, UniqueFd* listening) {
  const std::string what = "listen on " + VsockText(*address);
  UniqueFd opened;
  if (auto failure = OpenVsock(what, &opened)) return failure;
  sockaddr_vm system = ToSystem(*address);
  if (bind(opened.get(), reinterpret_cast<const sockaddr*>(&system), sizeof system) != 0) return FromErrno(what, errno);
  if (listen(opened.get(), backlog) != 0) return FromErrno(what, errno);
  socklen_t size = sizeof system;
  if (getsockname(opened.get(), reinterpret_cast<sockaddr*>(&system), &size) != 0) return FromErrno(what, errno);
  *address = VsockAddress{system.svm_cid, system.svm_port};
  *listening = std::move(opened);
  return std::nullopt;
}

}  // namespace dstack

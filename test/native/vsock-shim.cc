// Preloaded into a Node process, this library plays the one thing no file system can. vsock connections end at the unix
// socket SHIM_VSOCK, and address and port they asked for are written to the file SHIM_RECORD. Who listens on vsock listens
// on the unix socket `<cid>:<port>` in the folder SHIM_LISTEN; its clients are 3:5000, 3:5001 and so on, as they come.
// With SHIM_NO_CONNECT the second vsock socket and all after it are refused, as by a kernel that has no vsock.
#include <dlfcn.h>
#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

void Record(const void* bytes, size_t length) {
  const char* path = getenv("SHIM_RECORD");
  FILE* file = path == nullptr ? nullptr : fopen(path, "ab");
  if (file == nullptr) return;
  fwrite(bytes, 1, length, file);
  fclose(file);
}

template <typename Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

std::string ListenPrefix() {
  const char* prefix = getenv("SHIM_LISTEN");
  return prefix == nullptr ? "" : std::string(prefix) + "/";
}

using GetName = int (*)(int, struct sockaddr*, socklen_t*);

// The vsock address a socket was bound to; false for every socket that is not ours.
bool BoundTo(int fd, sockaddr_vm* vsock) {
  static const auto real = Real<GetName>("getsockname");
  sockaddr_un bound{};
  socklen_t size = sizeof bound;
  if (real(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0 || bound.sun_family != AF_UNIX) return false;
  const std::string name(bound.sun_path, strnlen(bound.sun_path, sizeof bound.sun_path));
  const std::string prefix = ListenPrefix();
  if (prefix.empty() || name.compare(0, prefix.size(), prefix) != 0) return false;
  *vsock = sockaddr_vm{};
  vsock->svm_family = AF_VSOCK;
  return sscanf(name.c_str() + prefix.size(), "%u:%u", &vsock->svm_cid, &vsock->svm_port) == 2;
}

}  // namespace

extern "C" int socket(int domain, int type, int protocol) noexcept {
  static const auto real = Real<int (*)(int, int, int)>("socket");
  static std::atomic<int> made{0};
  if (domain == AF_VSOCK && getenv("SHIM_NO_CONNECT") != nullptr && made++ > 0) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  return real(domain == AF_VSOCK ? AF_UNIX : domain, type, protocol);
}

extern "C" int connect(int fd, const struct sockaddr* address, socklen_t length) {
  static const auto real = Real<int (*)(int, const struct sockaddr*, socklen_t)>("connect");
  if (address->sa_family != AF_VSOCK) return real(fd, address, length);
  const auto* vsock = reinterpret_cast<const sockaddr_vm*>(address);
  Record(&vsock->svm_cid, sizeof vsock->svm_cid);
  Record(&vsock->svm_port, sizeof vsock->svm_port);
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  snprintf(path.sun_path, sizeof path.sun_path, "%s", getenv("SHIM_VSOCK"));
  return real(fd, reinterpret_cast<const struct sockaddr*>(&path), sizeof path);
}

extern "C" int bind(int fd, const struct sockaddr* address, socklen_t length) noexcept {
  static const auto real = Real<int (*)(int, const struct sockaddr*, socklen_t)>("bind");
  if (address->sa_family != AF_VSOCK) return real(fd, address, length);
  const auto* vsock = reinterpret_cast<const sockaddr_vm*>(address);
  const unsigned port = vsock->svm_port == VMADDR_PORT_ANY ? 1024 : vsock->svm_port;
  const std::string name = ListenPrefix() + std::to_string(vsock->svm_cid) + ":" + std::to_string(port);
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  snprintf(path.sun_path, sizeof path.sun_path, "%s", name.c_str());
  // A file outlasts its socket, and an address of vsock does not.
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(probe, reinterpret_cast<const struct sockaddr*>(&path), sizeof path) != 0) unlink(path.sun_path);
  close(probe);
  return real(fd, reinterpret_cast<const struct sockaddr*>(&path), sizeof path);
}

extern "C" int getsockname(int fd, struct sockaddr* address, socklen_t* length) noexcept {
  static const auto real = Real<GetName>("getsockname");
  sockaddr_vm vsock;
  if (*length < sizeof vsock || !BoundTo(fd, &vsock)) return real(fd, address, length);
  memcpy(address, &vsock, sizeof vsock);
  *length = sizeof vsock;
  return 0;
}

extern "C" int accept4(int fd, struct sockaddr* address, socklen_t* length, int flags) {
  static const auto real = Real<int (*)(int, struct sockaddr*, socklen_t*, int)>("accept4");
  static std::atomic<unsigned> next_port{5000};
  sockaddr_vm vsock;
  if (address == nullptr || *length < sizeof vsock || !BoundTo(fd, &vsock)) return real(fd, address, length, flags);
  const int accepted = real(fd, nullptr, nullptr, flags);
  if (accepted < 0) return accepted;
  vsock.svm_cid = 3;
  vsock.svm_port = next_port++;
  memcpy(address, &vsock, sizeof vsock);
  *length = sizeof vsock;
  return accepted;
}

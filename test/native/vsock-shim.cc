// Preloaded into a Node process, this library plays the one thing no file system can: vsock connections end at the
// unix socket SHIM_VSOCK, and address and port they asked for are written to the file SHIM_RECORD.
#include <dlfcn.h>
#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdio>
#include <cstdlib>

namespace {

void Record(const void* bytes, size_t length) {
  const char* path = getenv("SHIM_RECORD");
  FILE* file = path == nullptr ? nullptr : fopen(path, "ab");
  if (file == nullptr) return;
  fwrite(bytes, 1, length, file);
  fclose(file);
}

}  // namespace

extern "C" int socket(int domain, int type, int protocol) noexcept {
  static const auto real = reinterpret_cast<int (*)(int, int, int)>(dlsym(RTLD_NEXT, "socket"));
  return real(domain == AF_VSOCK ? AF_UNIX : domain, type, protocol);
}

extern "C" int connect(int fd, const struct sockaddr* address, socklen_t length) {
  static const auto real = reinterpret_cast<int (*)(int, const struct sockaddr*, socklen_t)>(dlsym(RTLD_NEXT, "connect"));
  if (address->sa_family != AF_VSOCK) return real(fd, address, length);
  const auto* vsock = reinterpret_cast<const sockaddr_vm*>(address);
  Record(&vsock->svm_cid, sizeof vsock->svm_cid);
  Record(&vsock->svm_port, sizeof vsock->svm_port);
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  snprintf(path.sun_path, sizeof path.sun_path, "%s", getenv("SHIM_VSOCK"));
  return real(fd, reinterpret_cast<const struct sockaddr*>(&path), sizeof path);
}

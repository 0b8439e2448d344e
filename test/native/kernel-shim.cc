// Preloaded into a Node process, this library plays the kernel for what no ordinary file can do: it answers the
// TDX and NSM ioctls on any descriptor and makes reads and writes of a TSM entry fail. Orders come from environment
// variables; vsock connections end at the unix socket SHIM_VSOCK, with address and port recorded; what the ioctls were given is written to the file SHIM_RECORD as it was in memory.
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

namespace {

constexpr unsigned long kTdxGetReport = 0xC4405401;
constexpr unsigned long kTdxExtendRtmr = 0x80315403;
constexpr unsigned long kNsmRaw = 0xC0200A00;

struct NsmRaw {
  uint64_t request;
  uint64_t request_length;
  uint64_t response;
  uint64_t response_length;
};

// Takes the next error number of a list such as "16,16,0"; 0 when the list is at its end.
int NextErrno(const char* variable) {
  const char* text = getenv(variable);
  if (text == nullptr || *text == '\0') return 0;
  char* rest = nullptr;
  const int number = static_cast<int>(strtol(text, &rest, 10));
  setenv(variable, std::string(*rest == ',' ? rest + 1 : rest).c_str(), 1);
  return number;
}

bool IsFile(int fd, const char* name) {
  char link[64];
  char target[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, target, sizeof target - 1);
  if (length <= 0) return false;
  target[length] = '\0';
  const char* base = strrchr(target, '/');
  return base != nullptr && strcmp(base + 1, name) == 0;
}

void Record(const void* bytes, size_t length) {
  const char* path = getenv("SHIM_RECORD");
  FILE* file = path == nullptr ? nullptr : fopen(path, "ab");
  if (file == nullptr) return;
  fwrite(bytes, 1, length, file);
  fclose(file);
}

int AnswerNsm(NsmRaw* raw) {
  Record(reinterpret_cast<const void*>(raw->request), raw->request_length);
  Record(&raw->response_length, sizeof raw->response_length);
  const char* claimed = getenv("SHIM_NSM_LENGTH");
  const uint64_t length = claimed == nullptr ? 5 : strtoull(claimed, nullptr, 10);
  if (length <= raw->response_length) memset(reinterpret_cast<void*>(raw->response), 0x5a, length);
  raw->response_length = length;
  return 0;
}

}  // namespace

extern "C" int ioctl(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void* argument = va_arg(list, void*);
  va_end(list);
  if (request == kTdxGetReport || request == kTdxExtendRtmr || request == kNsmRaw) {
    if (const int error_number = NextErrno("SHIM_IOCTL_ERRNO")) {
      errno = error_number;
      return -1;
    }
    if (request == kNsmRaw) return AnswerNsm(static_cast<NsmRaw*>(argument));
    if (request == kTdxExtendRtmr) {
      Record(argument, 49);
      return 0;
    }
    Record(argument, 64);
    for (int i = 0; i < 1024; i++) static_cast<uint8_t*>(argument)[64 + i] = static_cast<uint8_t>(i);
    return 0;
  }
  static const auto real = reinterpret_cast<int (*)(int, unsigned long, void*)>(dlsym(RTLD_NEXT, "ioctl"));
  return real(fd, request, argument);
}

extern "C" ssize_t write(int fd, const void* bytes, size_t length) {
  if (length == 64 && getenv("SHIM_WRITE_ERRNO") != nullptr && IsFile(fd, "inblob")) {
    if (const int error_number = NextErrno("SHIM_WRITE_ERRNO")) {
      errno = error_number;
      return -1;
    }
  }
  if (length == 48 && getenv("SHIM_RTMR_ERRNO") != nullptr && IsFile(fd, "rtmr3:sha384")) {
    if (const int error_number = NextErrno("SHIM_RTMR_ERRNO")) {
      errno = error_number;
      return -1;
    }
  }
  static const auto real = reinterpret_cast<ssize_t (*)(int, const void*, size_t)>(dlsym(RTLD_NEXT, "write"));
  return real(fd, bytes, length);
}

extern "C" ssize_t read(int fd, void* bytes, size_t length) {
  if (length == 8192 && getenv("SHIM_READ_ERRNO") != nullptr && IsFile(fd, "outblob")) {
    if (const int error_number = NextErrno("SHIM_READ_ERRNO")) {
      errno = error_number;
      return -1;
    }
  }
  static const auto real = reinterpret_cast<ssize_t (*)(int, void*, size_t)>(dlsym(RTLD_NEXT, "read"));
  return real(fd, bytes, length);
}

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

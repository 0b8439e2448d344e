#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace dstack {

// Owns a file descriptor and closes it exactly once.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Close(); }

  // Opens `path` close-on-exec; on failure the result is not valid() and errno says why.
  static UniqueFd Open(const std::string& path, int flags, mode_t mode = 0) {
    int fd = -1;
    do {
      fd = open(path.c_str(), flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return UniqueFd(fd);
  }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }

  // Gives the descriptor up to somebody else, who closes it.
  int Release() { return std::exchange(fd_, -1); }

  // Closes now; 0 or the errno of close(2). The descriptor is gone in either case (Linux frees it even on EINTR).
  int Close() {
    const int fd = std::exchange(fd_, -1);
    return fd >= 0 && close(fd) != 0 ? errno : 0;
  }

 private:
  int fd_ = -1;
};

}  // namespace dstack

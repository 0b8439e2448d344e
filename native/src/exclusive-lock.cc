#include "exclusive-lock.h"

#include <sys/file.h>

#include <cerrno>

namespace dstack {

std::optional<Failure> LockExclusive(int fd, const std::string& path, const Deadline& deadline, uint32_t poll_interval_ms) {
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error_number = errno;
    if (error_number == EINTR) continue;
    if (error_number != EWOULDBLOCK) return FromErrno("lock " + path, error_number);
    if (!deadline.Sleep(poll_interval_ms)) {
      return Failure{FailureCode::kBusy, error_number, "lock " + path + ": held elsewhere until the deadline passed"};
    }
  }
  return std::nullopt;
}

}  // namespace dstack

#include "device-ioctl.h"

#include <sys/ioctl.h>

#include <cerrno>

#include "interrupt-at.h"
#include "unique-fd.h"

namespace dstack {

namespace {

constexpr uint32_t kBusyWaitMs = 10;

}  // namespace

std::optional<Failure> DeviceIoctl(const std::string& path, unsigned long request, void* argument, const Deadline& deadline) {
  if (deadline.Passed()) return TimedOut("ioctl " + path);
  const InterruptAt interruption(deadline);
  const UniqueFd fd = UniqueFd::Open(path, O_RDWR);
  if (!fd.valid()) return FromErrno("open " + path, errno);
  while (ioctl(fd.get(), request, argument) != 0) {
    const int error_number = errno;
    if (error_number != EBUSY || !deadline.Sleep(kBusyWaitMs)) return FromErrnoOrDeadline("ioctl " + path, error_number, deadline);
  }
  return std::nullopt;
}

}  // namespace dstack

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "deadline.h"
#include "failure.h"

namespace dstack {

// Opens `path` read-write, makes one ioctl and closes it again. While the kernel answers EBUSY, which it does before
// doing anything, asks again until the deadline. Nothing else is tried twice: an extension must never happen twice.
std::optional<Failure> DeviceIoctl(const std::string& path, unsigned long request, void* argument, const Deadline& deadline);

}  // namespace dstack

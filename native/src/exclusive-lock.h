#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "deadline.h"
#include "failure.h"

namespace dstack {

// Takes flock(LOCK_EX) on `fd`, asking again every `poll_interval_ms` until the deadline: a blocking flock(2) would
// hold a thread of the pool for as long as the other process likes. DEVICE_BUSY when the deadline passes.
std::optional<Failure> LockExclusive(int fd, const std::string& path, const Deadline& deadline, uint32_t poll_interval_ms);

}  // namespace dstack

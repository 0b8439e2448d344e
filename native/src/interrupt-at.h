#pragma once

#include <csignal>
#include <string>

#include "deadline.h"
#include "failure.h"

namespace dstack {

// While it lives, system calls of this thread that block beyond the deadline are interrupted and fail with EINTR,
// where their driver allows it: those that wait for a quote do. A thread of the pool is then free again, and every
// descriptor and lock it held is released, at the deadline and not when the device pleases.
class InterruptAt {
 public:
  explicit InterruptAt(const Deadline& deadline);
  ~InterruptAt();
  InterruptAt(const InterruptAt&) = delete;
  InterruptAt& operator=(const InterruptAt&) = delete;

 private:
  // The kernel's number of the timer, -1 without one: then nothing is interrupted.
  int timer_ = -1;
  sigset_t mask_before_;
};

// The failure of a system call made under InterruptAt: interrupted after the deadline, it is the deadline that passed.
Failure FromErrnoOrDeadline(const std::string& what, int error_number, const Deadline& deadline);

}  // namespace dstack

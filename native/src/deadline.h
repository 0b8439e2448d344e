#pragma once

#include <chrono>
#include <cstdint>

namespace dstack {

// The moment an operation gives up, counted from the call in JavaScript, so that time spent waiting for a
// thread of the pool counts too. Monotonic.
class Deadline {
 public:
  explicit Deadline(uint32_t milliseconds);

  bool Passed() const;

  // What is left, rounded up to whole milliseconds; 0 once passed. For poll(2).
  int RemainingMs() const;

  // Sleeps `milliseconds`, or up to the deadline when that is earlier; false once the deadline has passed.
  bool Sleep(uint32_t milliseconds) const;

 private:
  std::chrono::steady_clock::time_point end_;
};

}  // namespace dstack

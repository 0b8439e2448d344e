#include "deadline.h"

#include <algorithm>
#include <thread>

namespace dstack {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Deadline::Deadline(uint32_t duration_ms) : end_(steady_clock::now() + milliseconds(duration_ms)) {}

bool Deadline::Passed() const { return steady_clock::now() >= end_; }

int Deadline::RemainingMs() const {
  const auto left = std::chrono::ceil<milliseconds>(end_ - steady_clock::now()).count();
  return static_cast<int>(std::max<milliseconds::rep>(left, 0));
}

bool Deadline::Sleep(uint32_t duration_ms) const {
  std::this_thread::sleep_until(std::min(end_, steady_clock::now() + milliseconds(duration_ms)));
  return !Passed();
}

}  // namespace dstack

#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dstack {

// Copies the named members of the single options object into plain values, on the main thread. The first wrong
// member leaves a TypeError naming it pending; later reads then return empty values, and failed() is true.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info);

  // An absolute path of 1 to 4095 bytes without NUL.
  std::string Path(const char* name);

  // A copy of a Uint8Array of `min` to `max` bytes.
  std::vector<uint8_t> Bytes(const char* name, size_t min, size_t max);

  // A whole number from `min` to `max`.
  uint32_t Integer(const char* name, uint32_t min, uint32_t max);

  // A duration in milliseconds: 1 to 600000 (ten minutes).
  uint32_t Milliseconds(const char* name) { return Integer(name, 1, 600000); }

  bool failed() const { return failed_; }

 private:
  // The member called `name`; an empty Value after a failure.
  Napi::Value Member(const char* name);
  void Fail(const char* name, const std::string& rule);

  Napi::Env env_;
  Napi::Object options_;
  bool failed_ = false;
};

}  // namespace dstack

#pragma once

#include <napi.h>

#include <string>

namespace dstack {

// The closed set of reasons a kernel interface gives no answer; src/native/loader.ts knows them by name.
enum class FailureCode { kAbsent, kBusy, kTimeout, kFailed };

struct Failure {
  FailureCode code;
  // The errno behind the failure, 0 where there is none.
  int error_number;
  std::string message;
};

// Chooses the code from `error_number` and appends the system's text for it to `what`.
Failure FromErrno(const std::string& what, int error_number);

// The deadline of the whole operation passed while doing `what`.
Failure TimedOut(const std::string& what);

// An Error with `code` (DEVICE_ABSENT, DEVICE_BUSY, DEVICE_TIMEOUT or DEVICE_FAILED) and `errno` (number or null).
Napi::Error ToError(Napi::Env env, const Failure& failure);

// Leaves that error pending; the empty value for a synchronous operation to return.
Napi::Value Throw(Napi::Env env, const Failure& failure);

}  // namespace dstack

#include "failure.h"

#include <cerrno>
#include <system_error>

namespace dstack {

namespace {

FailureCode CodeOf(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case ENODEV:
    case ENXIO:
      return FailureCode::kAbsent;
    case EBUSY:
    case EAGAIN:
      return FailureCode::kBusy;
    case ETIMEDOUT:
      return FailureCode::kTimeout;
    default:
      return FailureCode::kFailed;
  }
}

const char* NameOf(FailureCode code) {
  switch (code) {
    case FailureCode::kAbsent:
      return "DEVICE_ABSENT";
    case FailureCode::kBusy:
      return "DEVICE_BUSY";
    case FailureCode::kTimeout:
      return "DEVICE_TIMEOUT";
    case FailureCode::kFailed:
      break;
  }
  return "DEVICE_FAILED";
}

}  // namespace

Failure FromErrno(const std::string& what, int error_number) {
  return Failure{CodeOf(error_number), error_number, what + ": " + std::generic_category().message(error_number)};
}

Failure TimedOut(const std::string& what) { return Failure{FailureCode::kTimeout, 0, what + ": the deadline passed"}; }

Napi::Error ToError(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("code", Napi::String::New(env, NameOf(failure.code)));
  if (failure.error_number == 0) {
    error.Set("errno", env.Null());
  } else {
    error.Set("errno", Napi::Number::New(env, failure.error_number));
  }
  return error;
}

Napi::Value Throw(Napi::Env env, const Failure& failure) {
  ToError(env, failure).ThrowAsJavaScriptException();
  return Napi::Value();
}

}  // namespace dstack

#include "arguments.h"

#include <cmath>

namespace dstack {

namespace {

constexpr size_t kMaxPath = 4095;

std::string Range(uint64_t min, uint64_t max) {
  if (min == max) return std::to_string(min);
  return std::to_string(min) + " to " + std::to_string(max);
}

}  // namespace

Arguments::Arguments(const Napi::CallbackInfo& info) : env_(info.Env()) {
  if (info.Length() == 1 && info[0].IsObject()) {
    options_ = info[0].As<Napi::Object>();
  } else {
    Fail("options", "an object, and the only argument");
  }
}

void Arguments::Fail(const char* name, const std::string& rule) {
  failed_ = true;
  // A getter of the options object may have thrown already; its error is the one to keep.
  if (env_.IsExceptionPending()) return;
  Napi::TypeError::New(env_, "Parameter `" + std::string(name) + "` must be " + rule + ".").ThrowAsJavaScriptException();
}

Napi::Value Arguments::Member(const char* name) {
  if (failed_) return Napi::Value();
  const Napi::MaybeOrValue<Napi::Value> value = options_.Get(name);
  if (env_.IsExceptionPending()) {
    failed_ = true;
    return Napi::Value();
  }
  return value;
}

std::string Arguments::Path(const char* name) {
  const Napi::Value value = Member(name);
  if (failed_) return {};
  std::string path = value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
  if (path.empty() || path.size() > kMaxPath || path[0] != '/' || path.find('\0') != std::string::npos) {
    Fail(name, "an absolute path of at most " + std::to_string(kMaxPath) + " bytes");
    return {};
  }
  return path;
}

std::vector<uint8_t> Arguments::Bytes(const char* name, size_t min, size_t max) {
  const Napi::Value value = Member(name);
  if (failed_) return {};
  const bool typed = value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
  if (!typed) {
    Fail(name, "a Uint8Array of " + Range(min, max) + " bytes");
    return {};
  }
  const Napi::Uint8Array array = value.As<Napi::Uint8Array>();
  const size_t length = array.ElementLength();
  if (length < min || length > max) {
    Fail(name, "a Uint8Array of " + Range(min, max) + " bytes");
    return {};
  }
  return std::vector<uint8_t>(array.Data(), array.Data() + length);
}

uint32_t Arguments::Integer(const char* name, uint32_t min, uint32_t max) {
  const Napi::Value value = Member(name);
  if (failed_) return 0;
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  // Written so that NaN fails too.
  if (!(number >= min && number <= max) || std::floor(number) != number) {
    Fail(name, "a whole number from " + Range(min, max));
    return 0;
  }
  return static_cast<uint32_t>(number);
}

}  // namespace dstack

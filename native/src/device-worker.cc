#include "device-worker.h"

#include <algorithm>

namespace dstack {

DeviceWorker::DeviceWorker(Napi::Env env, const char* name) : Napi::AsyncWorker(env, name), deferred_(env) {}

Napi::Promise DeviceWorker::Start() {
  const Napi::Promise promise = deferred_.Promise();
  Queue();
  return promise;
}

void DeviceWorker::Execute() {
  failure_ = Run();
  if (failure_) SetError(failure_->message);
}

// In an environment that is going down nothing can be created any more; then nobody waits for the promise either.
void DeviceWorker::OnOK() {
  const Napi::Value result = Result(Env());
  if (!result.IsEmpty()) deferred_.Resolve(result);
}

void DeviceWorker::OnError(const Napi::Error& error) {
  // The base class makes its own errors only if Execute() called SetError, which always stands with failure_.
  const Napi::Value reason = failure_ ? ToError(Env(), *failure_).Value() : error.Value();
  if (!reason.IsEmpty()) deferred_.Reject(reason);
}

Napi::Value ToUint8Array(Napi::Env env, const std::vector<uint8_t>& bytes) {
  Napi::Uint8Array array = Napi::Uint8Array::New(env, bytes.size());
  if (array.IsEmpty()) return Napi::Value();
  std::copy(bytes.begin(), bytes.end(), array.Data());
  return array;
}

}  // namespace dstack

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

void DeviceWorker::OnOK() { deferred_.Resolve(Result(Env())); }

void DeviceWorker::OnError(const Napi::Error& error) {
  // The base class makes its own errors only if Execute() called SetError, which always stands with failure_.
  deferred_.Reject(failure_ ? ToError(Env(), *failure_).Value() : error.Value());
}

Napi::Value ToUint8Array(Napi::Env env, const std::vector<uint8_t>& bytes) {
  Napi::Uint8Array array = Napi::Uint8Array::New(env, bytes.size());
  std::copy(bytes.begin(), bytes.end(), array.Data());
  return array;
}

}  // namespace dstack

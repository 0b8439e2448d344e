#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "failure.h"

namespace dstack {

// One operation on a thread of the libuv pool, seen from JavaScript as a promise. Subclasses hold plain copies of
// their arguments: Run() executes off the main thread and may touch nothing of JavaScript.
class DeviceWorker : public Napi::AsyncWorker {
 public:
  // Queues the operation. The worker deletes itself after it has settled the promise.
  Napi::Promise Start();

 protected:
  DeviceWorker(Napi::Env env, const char* name);

  // Off the main thread: does the work; nullopt is success.
  virtual std::optional<Failure> Run() = 0;

  // On the main thread, after success: the value the promise resolves to; empty when the environment cannot make it.
  virtual Napi::Value Result(Napi::Env env) = 0;

 private:
  void Execute() final;
  void OnOK() final;
  void OnError(const Napi::Error& error) final;

  Napi::Promise::Deferred deferred_;
  std::optional<Failure> failure_;
};

// A new Uint8Array with its own copy of `bytes`; empty when the environment cannot make it.
Napi::Value ToUint8Array(Napi::Env env, const std::vector<uint8_t>& bytes);

}  // namespace dstack

#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "bridge-loop.h"
#include "failure.h"

namespace dstack {

// What one JavaScript environment (main thread or worker) keeps of this addon.
struct AddonData {
  Napi::FunctionReference file_lock;
  Napi::FunctionReference p256_public_key;
  Napi::FunctionReference tpm_device;
  Napi::FunctionReference vsock_listener;
  // null until something is bridged.
  std::shared_ptr<BridgeLoop> bridges;
};

// The bridges of this environment; starts their thread when they are the first.
std::optional<Failure> BridgesOf(Napi::Env env, std::shared_ptr<BridgeLoop>* bridges);

}  // namespace dstack

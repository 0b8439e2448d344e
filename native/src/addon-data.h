#pragma once

#include <napi.h>

namespace dstack {

// What one JavaScript environment (main thread or worker) keeps of this addon.
struct AddonData {
  Napi::FunctionReference file_lock;
  Napi::FunctionReference tpm_device;
};

}  // namespace dstack

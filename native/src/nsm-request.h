#pragma once

#include <napi.h>

namespace dstack {

// nsmRequest({devicePath, request, deadlineMs}): Promise<Uint8Array>
Napi::Value NsmRequest(const Napi::CallbackInfo& info);

}  // namespace dstack

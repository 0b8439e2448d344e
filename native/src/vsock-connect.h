#pragma once

#include <napi.h>

namespace dstack {

// vsockConnect({cid, port, deadlineMs}): Promise<number>
Napi::Value VsockConnect(const Napi::CallbackInfo& info);

}  // namespace dstack

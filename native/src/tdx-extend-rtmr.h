#pragma once

#include <napi.h>

namespace dstack {

// tdxExtendRtmr({devicePath, index, digest, deadlineMs}): Promise<null>
Napi::Value TdxExtendRtmr(const Napi::CallbackInfo& info);

}  // namespace dstack

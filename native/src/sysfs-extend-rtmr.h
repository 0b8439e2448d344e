#pragma once

#include <napi.h>

namespace dstack {

// sysfsExtendRtmr({directory, index, digest, deadlineMs}): Promise<null>
Napi::Value SysfsExtendRtmr(const Napi::CallbackInfo& info);

}  // namespace dstack

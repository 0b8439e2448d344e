#pragma once

#include <napi.h>

namespace dstack {

// tdxReport({devicePath, reportData, deadlineMs}): Promise<Uint8Array>
Napi::Value TdxReport(const Napi::CallbackInfo& info);

}  // namespace dstack

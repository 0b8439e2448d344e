#pragma once

#include <napi.h>

namespace dstack {

// tsmQuote({entryPath, reportData, busyWaitMs, pollIntervalMs, generationWaitMs, deadlineMs}): Promise<Uint8Array>
Napi::Value TsmQuote(const Napi::CallbackInfo& info);

}  // namespace dstack

#pragma once

#include <napi.h>

namespace dstack {

// snpExtendedReport({devicePath, reportData, deadlineMs}): Promise<{report: Uint8Array, certificates: Uint8Array}>
Napi::Value SnpExtendedReport(const Napi::CallbackInfo& info);

}  // namespace dstack

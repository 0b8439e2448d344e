#pragma once

#include <napi.h>

namespace dstack {

// qgsExchange({cid, port, message, deadlineMs}): Promise<Uint8Array>
Napi::Value QgsExchange(const Napi::CallbackInfo& info);

}  // namespace dstack

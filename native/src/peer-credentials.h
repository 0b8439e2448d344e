#pragma once

#include <napi.h>

namespace dstack {

// peerCredentials({fd}): {pid, uid, gid}. Synchronous: the kernel answers from memory.
Napi::Value PeerCredentials(const Napi::CallbackInfo& info);

}  // namespace dstack

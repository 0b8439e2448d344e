#pragma once

#include <napi.h>

#include <memory>

#include "tpm-session.h"

namespace dstack {

// The JavaScript object that holds a TPM's device file open. With a resource manager behind the file, what was loaded
// through it is unloaded when it is closed.
class TpmDevice : public Napi::ObjectWrap<TpmDevice> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit TpmDevice(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TpmDevice>(info) {}

  void Hold(std::shared_ptr<TpmSession> session) { session_ = std::move(session); }

 private:
  // transceive({command, deadlineMs}): Promise<Uint8Array>
  Napi::Value Transceive(const Napi::CallbackInfo& info);
  // close(): Promise<null>. A second call does nothing.
  Napi::Value Close(const Napi::CallbackInfo& info);

  std::shared_ptr<TpmSession> session_;
};

// openTpm({devicePath, deadlineMs}): Promise<TpmDevice>
Napi::Value OpenTpm(const Napi::CallbackInfo& info);

}  // namespace dstack

#pragma once

#include <napi.h>

#include <memory>

#include "bridge-loop.h"
#include "unique-fd.h"

namespace dstack {

// The JavaScript object that holds a listening vsock socket: close() gives the address up, and so does the collector at the latest.
class VsockListener : public Napi::ObjectWrap<VsockListener> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit VsockListener(const Napi::CallbackInfo& info) : Napi::ObjectWrap<VsockListener>(info) {}
  ~VsockListener() override;

  void Hold(std::shared_ptr<BridgeLoop> bridges, std::shared_ptr<Listening> listening, UniqueFd bell);

 private:
  // takeBell(): number. Once only.
  Napi::Value TakeBell(const Napi::CallbackInfo& info);
  // accept(): {fd, cid, port} | null
  Napi::Value Accept(const Napi::CallbackInfo& info);
  // close(): void. A second call does nothing.
  void Close(const Napi::CallbackInfo& info);

  std::shared_ptr<BridgeLoop> bridges_;
  std::shared_ptr<Listening> listening_;
  UniqueFd bell_;
};

// vsockListen({cid, port, backlog, maxConnections}): VsockListener. Synchronous: nothing in it waits.
Napi::Value VsockListen(const Napi::CallbackInfo& info);

}  // namespace dstack

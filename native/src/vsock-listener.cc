// Connections that others make to a vsock address of this machine, each handed over as a unix socket: vsock(7), unix(7).
#include "vsock-listener.h"

#include <sys/socket.h>
// After sys/socket.h, whose types it uses.
#include <linux/vm_sockets.h>

#include <utility>

#include "addon-data.h"
#include "arguments.h"
#include "failure.h"
#include "vsock-socket.h"

namespace dstack {

namespace {

constexpr uint32_t kMaxBacklog = 65535;
constexpr uint32_t kMaxConnections = 1000000;

}  // namespace

Napi::Function VsockListener::Define(Napi::Env env) {
  return DefineClass(env, "VsockListener",
                     {InstanceMethod<&VsockListener::TakeBell>("takeBell"), InstanceMethod<&VsockListener::Accept>("accept"),
                      InstanceMethod<&VsockListener::Close>("close")});
}

VsockListener::~VsockListener() {
  if (listening_ != nullptr) bridges_->Close(listening_.get());
}

void VsockListener::Hold(std::shared_ptr<BridgeLoop> bridges, std::shared_ptr<Listening> listening, UniqueFd bell) {
  bridges_ = std::move(bridges);
  listening_ = std::move(listening);
  bell_ = std::move(bell);
}

Napi::Value VsockListener::TakeBell(const Napi::CallbackInfo& info) {
  if (!bell_.valid()) {
    Napi::TypeError::New(info.Env(), "A bell is taken once, from what `vsockListen` gave.").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  const Napi::Value fd = Napi::Number::New(info.Env(), bell_.get());
  if (!fd.IsEmpty()) bell_.Release();
  return fd;
}

Napi::Value VsockListener::Accept(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (listening_ == nullptr) return env.Null();
  sockaddr_vm peer{};
  UniqueFd end;
  if (auto failure = bridges_->Accept(listening_.get(), reinterpret_cast<sockaddr*>(&peer), sizeof peer, &end)) return Throw(env, *failure);
  if (!end.valid()) return env.Null();
  Napi::Object connection = Napi::Object::New(env);
  if (connection.IsEmpty()) return Napi::Value();
  connection.Set("cid", Napi::Number::New(env, peer.svm_cid));
  connection.Set("port", Napi::Number::New(env, peer.svm_port));
  connection.Set("fd", Napi::Number::New(env, end.Release()));
  return connection;
}

void VsockListener::Close(const Napi::CallbackInfo&) {
  if (listening_ != nullptr) bridges_->Close(listening_.get());
}

Napi::Value VsockListen(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  VsockAddress address{};
  address.cid = arguments.Integer("cid", 0, UINT32_MAX);
  address.port = arguments.Integer("port", 1, UINT32_MAX);
  const uint32_t backlog = arguments.Integer("backlog", 1, kMaxBacklog);
  const uint32_t max_connections = arguments.Integer("maxConnections", 1, kMaxConnections);
  if (arguments.failed()) return Napi::Value();
  std::shared_ptr<BridgeLoop> bridges;
  if (auto failure = BridgesOf(env, &bridges)) return Throw(env, *failure);
  UniqueFd socket;
  if (auto failure = ListenVsock(&address, static_cast<int>(backlog), &socket)) return Throw(env, *failure);
  std::shared_ptr<Listening> listening;
  UniqueFd bell;
  if (auto failure = bridges->Listen(std::move(socket), max_connections, &listening, &bell)) return Throw(env, *failure);
  Napi::Object object = env.GetInstanceData<AddonData>()->vsock_listener.New({});
  VsockListener* const holder = object.IsEmpty() ? nullptr : VsockListener::Unwrap(object);
  if (holder == nullptr) {
    bridges->Close(listening.get());
    return Napi::Value();
  }
  holder->Hold(std::move(bridges), std::move(listening), std::move(bell));
  object.Set("cid", Napi::Number::New(env, address.cid));
  object.Set("port", Napi::Number::New(env, address.port));
  return object;
}

}  // namespace dstack

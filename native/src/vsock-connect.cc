// A connection to a vsock address, handed over as a unix socket, which is a kind that Node takes: vsock(7), unix(7).
#include "vsock-connect.h"

#include <memory>
#include <utility>

#include "addon-data.h"
#include "arguments.h"
#include "device-worker.h"
#include "vsock-socket.h"

namespace dstack {

namespace {

class VsockConnectWorker final : public DeviceWorker {
 public:
  VsockConnectWorker(Napi::Env env, std::shared_ptr<BridgeLoop> bridges, VsockAddress address, Deadline deadline)
      : DeviceWorker(env, "dstack.vsockConnect"), bridges_(std::move(bridges)), address_(address), deadline_(deadline) {}

 private:
  std::optional<Failure> Run() override {
    UniqueFd connected;
    if (auto failure = ConnectVsock(address_, deadline_, &connected)) return failure;
    return bridges_->Bridge(std::move(connected), &end_);
  }

  Napi::Value Result(Napi::Env env) override {
    const Napi::Value fd = Napi::Number::New(env, end_.get());
    if (!fd.IsEmpty()) end_.Release();
    return fd;
  }

  const std::shared_ptr<BridgeLoop> bridges_;
  const VsockAddress address_;
  const Deadline deadline_;
  UniqueFd end_;
};

}  // namespace

Napi::Value VsockConnect(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const uint32_t cid = arguments.Integer("cid", 0, UINT32_MAX);
  const uint32_t port = arguments.Integer("port", 1, UINT32_MAX);
  const Deadline deadline(arguments.Milliseconds("deadlineMs"));
  if (arguments.failed()) return Napi::Value();
  std::shared_ptr<BridgeLoop> bridges;
  if (auto failure = BridgesOf(info.Env(), &bridges)) return Throw(info.Env(), *failure);
  return (new VsockConnectWorker(info.Env(), std::move(bridges), VsockAddress{cid, port}, deadline))->Start();
}

}  // namespace dstack

// RTMR[index] := SHA384(RTMR[index] || digest) through /dev/tdx_guest: spec/attestation.md sections 1.2 and 1.4.
#include "tdx-extend-rtmr.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "device-ioctl.h"
#include "device-worker.h"
#include "tdx-guest.h"

namespace dstack {

namespace {

class TdxExtendRtmrWorker final : public DeviceWorker {
 public:
  TdxExtendRtmrWorker(Napi::Env env, std::string path, uint32_t index, std::vector<uint8_t> digest, Deadline deadline)
      : DeviceWorker(env, "dstack.tdxExtendRtmr"),
        path_(std::move(path)),
        index_(index),
        digest_(std::move(digest)),
        deadline_(deadline) {}

 private:
  std::optional<Failure> Run() override {
    TdxExtendRequest request{};
    std::copy(digest_.begin(), digest_.end(), request.digest);
    request.index = static_cast<uint8_t>(index_);
    auto failure = DeviceIoctl(path_, kTdxExtendRtmr, &request, deadline_);
    if (failure && failure->error_number == EINVAL) failure->message += " (RTMR index not extensible)";
    return failure;
  }

  Napi::Value Result(Napi::Env env) override { return env.Null(); }

  const std::string path_;
  const uint32_t index_;
  const std::vector<uint8_t> digest_;
  const Deadline deadline_;
};

}  // namespace

Napi::Value TdxExtendRtmr(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  std::string path = arguments.Path("devicePath");
  const uint32_t index = arguments.Integer("index", 0, kRtmrLast);
  std::vector<uint8_t> digest = arguments.Bytes("digest", kRtmrDigestBytes, kRtmrDigestBytes);
  const Deadline deadline(arguments.Milliseconds("deadlineMs"));
  if (arguments.failed()) return Napi::Value();
  return (new TdxExtendRtmrWorker(info.Env(), std::move(path), index, std::move(digest), deadline))->Start();
}

}  // namespace dstack

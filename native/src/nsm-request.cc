// One request to the Nitro Secure Module: spec/attestation.md section 1.6; Linux include/uapi/linux/nsm.h.
#include "nsm-request.h"

#include <sys/ioctl.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "device-ioctl.h"
#include "device-worker.h"

namespace dstack {

namespace {

constexpr size_t kMaxRequest = 0x1000;
constexpr size_t kMaxResponse = 0x3000;

struct NsmBuffer {
  uint64_t address;
  uint64_t length;
};

struct NsmRaw {
  NsmBuffer request;
  NsmBuffer response;
};

constexpr unsigned long kNsmRaw = _IOWR(0x0A, 0, NsmRaw);

static_assert(sizeof(NsmRaw) == 32 && kNsmRaw == 0xC0200A00, "NSM_IOCTL_RAW");

class NsmRequestWorker final : public DeviceWorker {
 public:
  NsmRequestWorker(Napi::Env env, std::string path, std::vector<uint8_t> request, Deadline deadline)
      : DeviceWorker(env, "dstack.nsmRequest"),
        path_(std::move(path)),
        request_(std::move(request)),
        deadline_(deadline) {}

 private:
  std::optional<Failure> Run() override {
    response_.assign(kMaxResponse, 0);
    NsmRaw raw{{reinterpret_cast<uintptr_t>(request_.data()), request_.size()},
               {reinterpret_cast<uintptr_t>(response_.data()), response_.size()}};
    auto failure = DeviceIoctl(path_, kNsmRaw, &raw, deadline_);
    if (failure && failure->error_number == EMSGSIZE) failure->message += " (input too large)";
    if (failure) return failure;
    // The driver rewrites the length; more than it was given, or nothing, is no answer.
    if (raw.response.length == 0 || raw.response.length > response_.size()) {
      return Failure{FailureCode::kFailed, 0, "ioctl " + path_ + ": response length out of bounds"};
    }
    response_.resize(raw.response.length);
    return std::nullopt;
  }

  Napi::Value Result(Napi::Env env) override { return ToUint8Array(env, response_); }

  const std::string path_;
  // Not const: the ABI has one buffer type for both directions.
  std::vector<uint8_t> request_;
  const Deadline deadline_;
  std::vector<uint8_t> response_;
};

}  // namespace

Napi::Value NsmRequest(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  std::string path = arguments.Path("devicePath");
  std::vector<uint8_t> request = arguments.Bytes("request", 1, kMaxRequest);
  const Deadline deadline(arguments.Milliseconds("deadlineMs"));
  if (arguments.failed()) return Napi::Value();
  return (new NsmRequestWorker(info.Env(), std::move(path), std::move(request), deadline))->Start();
}

}  // namespace dstack

// RTMR[index] := SHA384(RTMR[index] || digest) through sysfs: spec/attestation.md section 1.4;
// Linux Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest.
#include "sysfs-extend-rtmr.h"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "deadline.h"
#include "device-worker.h"
#include "interrupt-at.h"
#include "tdx-guest.h"
#include "unique-fd.h"

namespace dstack {

namespace {

constexpr uint32_t kBusyWaitMs = 10;

class SysfsExtendRtmrWorker final : public DeviceWorker {
 public:
  SysfsExtendRtmrWorker(Napi::Env env, std::string path, std::vector<uint8_t> digest, Deadline deadline)
      : DeviceWorker(env, "dstack.sysfsExtendRtmr"),
        path_(std::move(path)),
        digest_(std::move(digest)),
        deadline_(deadline) {}

 private:
  std::optional<Failure> Run() override {
    const std::string what = "write " + path_;
    if (deadline_.Passed()) return TimedOut(what);
    const InterruptAt interruption(deadline_);
    const UniqueFd fd = UniqueFd::Open(path_, O_WRONLY);
    if (!fd.valid()) return FromErrno("open " + path_, errno);
    for (;;) {
      const ssize_t length = write(fd.get(), digest_.data(), digest_.size());
      const int error_number = errno;
      if (length == static_cast<ssize_t>(digest_.size())) return std::nullopt;
      if (length >= 0) return Failure{FailureCode::kFailed, 0, what + ": the digest was not taken whole"};
      // EBUSY comes before anything is extended; any other failure is final, for an extension must not happen twice.
      if (error_number != EBUSY || !deadline_.Sleep(kBusyWaitMs)) return FromErrnoOrDeadline(what, error_number, deadline_);
    }
  }

  Napi::Value Result(Napi::Env env) override { return env.Null(); }

  const std::string path_;
  const std::vector<uint8_t> digest_;
  const Deadline deadline_;
};

}  // namespace

Napi::Value SysfsExtendRtmr(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string directory = arguments.Path("directory");
  const uint32_t index = arguments.Integer("index", 0, kRtmrLast);
  std::vector<uint8_t> digest = arguments.Bytes("digest", kRtmrDigestBytes, kRtmrDigestBytes);
  const Deadline deadline(arguments.Milliseconds("deadlineMs"));
  if (arguments.failed()) return Napi::Value();
  std::string path = directory + "/rtmr" + std::to_string(index) + ":sha384";
  return (new SysfsExtendRtmrWorker(info.Env(), std::move(path), std::move(digest), deadline))->Start();
}

}  // namespace dstack

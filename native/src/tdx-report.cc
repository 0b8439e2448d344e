// A TDREPORT from /dev/tdx_guest: spec/attestation.md section 1.2.
#include "tdx-report.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "device-ioctl.h"
#include "device-worker.h"
#include "tdx-guest.h"

namespace dstack {

namespace {

class TdxReportWorker final : public DeviceWorker {
 public:
  TdxReportWorker(Napi::Env env, std::string path, std::vector<uint8_t> report_data, Deadline deadline)
      : DeviceWorker(env, "dstack.tdxReport"),
        path_(std::move(path)),
        report_data_(std::move(report_data)),
        deadline_(deadline) {}

 private:
  std::optional<Failure> Run() override {
    TdxReportRequest request{};
    std::copy(report_data_.begin(), report_data_.end(), request.report_data);
    if (auto failure = DeviceIoctl(path_, kTdxGetReport, &request, deadline_)) return failure;
    report_.assign(request.td_report, request.td_report + kTdxReportBytes);
    return std::nullopt;
  }

  Napi::Value Result(Napi::Env env) override { return ToUint8Array(env, report_); }

  const std::string path_;
  const std::vector<uint8_t> report_data_;
  const Deadline deadline_;
  std::vector<uint8_t> report_;
};

}  // namespace

Napi::Value TdxReport(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  std::string path = arguments.Path("devicePath");
  std::vector<uint8_t> report_data = arguments.Bytes("reportData", kTdxReportDataBytes, kTdxReportDataBytes);
  const Deadline deadline(arguments.Milliseconds("deadlineMs"));
  if (arguments.failed()) return Napi::Value();
  return (new TdxReportWorker(info.Env(), std::move(path), std::move(report_data), deadline))->Start();
}

}  // namespace dstack

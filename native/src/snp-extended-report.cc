// An SEV-SNP report with the certificates the host keeps for it: spec/attestation.md section 1.9; Linux
// include/uapi/linux/sev-guest.h; the response itself is AMD 56860, table "MSG_REPORT_RSP Message Structure".
#include "snp-extended-report.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "device-answer.h"
#include "device-ioctl.h"
#include "device-worker.h"

namespace dstack {

namespace {

constexpr size_t kReportData = 64;
constexpr size_t kReport = 1184;
constexpr size_t kReportOffset = 32;
// The most the driver takes, SEV_FW_BLOB_MAX_SIZE.
constexpr size_t kCertificates = 0x4000;

struct ReportRequest {
  uint8_t user_data[kReportData];
  uint32_t vmpl;
  uint8_t reserved[28];
};

struct ExtendedReportRequest {
  ReportRequest data;
  uint64_t certificates_address;
  uint32_t certificates_length;
};

struct ReportResponse {
  uint8_t data[4000];
};

struct GuestRequest {
  uint8_t message_version;
  uint64_t request;
  uint64_t response;
  uint32_t firmware_error;
  uint32_t hypervisor_error;
};

constexpr unsigned long kGetExtendedReport = _IOWR('S', 2, GuestRequest);

static_assert(sizeof(ReportRequest) == 96 && sizeof(ExtendedReportRequest) == 112, "struct snp_ext_report_req");
static_assert(sizeof(GuestRequest) == 32 && kGetExtendedReport == 0xC0205302, "SNP_GET_EXT_REPORT");

class SnpExtendedReportWorker final : public DeviceWorker {
 public:
  SnpExtendedReportWorker(Napi::Env env, std::string path, std::vector<uint8_t> report_data, Deadline deadline)
      : DeviceWorker(env, "dstack.snpExtendedReport"),
        path_(std::move(path)),
        report_data_(std::move(report_data)),
        deadline_(deadline) {}

 private:
  std::optional<Failure> Run() override {
    certificates_.assign(kCertificates, 0);
    ExtendedReportRequest request{};
    std::copy(report_data_.begin(), report_data_.end(), request.data.user_data);
    request.certificates_address = reinterpret_cast<uintptr_t>(certificates_.data());
    request.certificates_length = kCertificates;
    ReportResponse response{};
    GuestRequest guest{};
    guest.message_version = 1;
    guest.request = reinterpret_cast<uintptr_t>(&request);
    guest.response = reinterpret_cast<uintptr_t>(&response);
    if (auto failure = DeviceIoctl(path_, kGetExtendedReport, &guest, deadline_)) {
      failure->message += " (firmware error " + std::to_string(guest.firmware_error) + ", hypervisor error " +
                          std::to_string(guest.hypervisor_error) + ")";
      return failure;
    }
    // status u32, report size u32, 24 reserved bytes, the report.
    const uint32_t status = LittleEndian32(response.data);
    const uint32_t size = LittleEndian32(response.data + 4);
    if (status != 0 || size != kReport) {
      return Failure{FailureCode::kFailed, 0, "ioctl " + path_ + ": status " + std::to_string(status) + ", a report of " + std::to_string(size) + " bytes"};
    }
    report_.assign(response.data + kReportOffset, response.data + kReportOffset + kReport);
    return std::nullopt;
  }

  Napi::Value Result(Napi::Env env) override {
    const Napi::Value report = ToUint8Array(env, report_);
    const Napi::Value certificates = ToUint8Array(env, certificates_);
    if (report.IsEmpty() || certificates.IsEmpty()) return Napi::Value();
    Napi::Object result = Napi::Object::New(env);
    result.Set("report", report);
    result.Set("certificates", certificates);
    return result;
  }

  const std::string path_;
  const std::vector<uint8_t> report_data_;
  const Deadline deadline_;
  std::vector<uint8_t> report_;
  std::vector<uint8_t> certificates_;
};

}  // namespace

Napi::Value SnpExtendedReport(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  std::string path = arguments.Path("devicePath");
  std::vector<uint8_t> report_data = arguments.Bytes("reportData", kReportData, kReportData);
  const Deadline deadline(arguments.Milliseconds("deadlineMs"));
  if (arguments.failed()) return Napi::Value();
  return (new SnpExtendedReportWorker(info.Env(), std::move(path), std::move(report_data), deadline))->Start();
}

}  // namespace dstack

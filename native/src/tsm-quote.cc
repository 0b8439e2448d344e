// A TDX quote through configfs-tsm: spec/attestation.md section 1.1; Linux Documentation/ABI/testing/configfs-tsm-report.
#include "tsm-quote.h"

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "deadline.h"
#include "device-answer.h"
#include "device-worker.h"
#include "exclusive-lock.h"
#include "interrupt-at.h"
#include "unique-fd.h"

namespace dstack {

namespace {

constexpr size_t kReportData = 64;
// A quote is longer than its fixed parts and shorter than the buffer, so a full buffer means truncation.
constexpr size_t kQuoteLonger = 1020;
constexpr size_t kQuoteShorter = 8192;
constexpr int kTries = 3;
constexpr char kProvider[] = "tdx_guest";

struct TsmQuoteRequest {
  std::string entry_path;
  std::vector<uint8_t> report_data;
  uint32_t busy_wait_ms;
  uint32_t poll_interval_ms;
  uint32_t generation_wait_ms;
  Deadline deadline;
};

class TsmQuoteWorker final : public DeviceWorker {
 public:
  TsmQuoteWorker(Napi::Env env, TsmQuoteRequest request)
      : DeviceWorker(env, "dstack.tsmQuote"), request_(std::move(request)) {}

 private:
  std::optional<Failure> Run() override;
  Napi::Value Result(Napi::Env env) override { return ToUint8Array(env, quote_); }

  std::string Attribute(const char* name) const { return request_.entry_path + "/" + name; }
  std::optional<Failure> ReadAttribute(const char* name, std::string* text) const;
  std::optional<Failure> CheckProvider() const;
  std::optional<Failure> Generation(int64_t* value) const;
  std::optional<Failure> WriteReportData() const;
  std::optional<Failure> AwaitGeneration(int64_t before, int64_t* after) const;
  std::optional<Failure> ReadQuote();
  Failure Overtaken() const;

  const TsmQuoteRequest request_;
  std::vector<uint8_t> quote_;
};

std::optional<Failure> TsmQuoteWorker::Run() {
  if (request_.deadline.Passed()) return TimedOut("quote from " + request_.entry_path);
  const InterruptAt interruption(request_.deadline);
  if (auto failure = CheckProvider()) return failure;
  // Kept until the end: every quote maker on the system excludes the others by this lock.
  const UniqueFd lock = UniqueFd::Open(Attribute("inblob"), O_WRONLY);
  if (!lock.valid()) return FromErrno("open " + Attribute("inblob"), errno);
  if (auto failure = LockExclusive(lock.get(), Attribute("inblob"), request_.deadline, request_.poll_interval_ms)) {
    return failure;
  }
  int64_t before = 0;
  int64_t written = 0;
  int64_t read = 0;
  if (auto failure = Generation(&before)) return failure;
  if (auto failure = WriteReportData()) return failure;
  if (auto failure = AwaitGeneration(before, &written)) return failure;
  if (auto failure = ReadQuote()) return failure;
  if (auto failure = Generation(&read)) return failure;
  if (read != written) return Overtaken();
  if (quote_.size() <= kQuoteLonger || quote_.size() >= kQuoteShorter) {
    return Failure{FailureCode::kFailed, 0,
                   "read " + Attribute("outblob") + ": " + std::to_string(quote_.size()) + " bytes are not a quote"};
  }
  return std::nullopt;
}

Failure TsmQuoteWorker::Overtaken() const {
  return Failure{FailureCode::kBusy, 0, Attribute("generation") + ": another writer used the entry at the same time"};
}

std::optional<Failure> TsmQuoteWorker::ReadAttribute(const char* name, std::string* text) const {
  const std::string path = Attribute(name);
  const UniqueFd fd = UniqueFd::Open(path, O_RDONLY);
  if (!fd.valid()) return FromErrno("open " + path, errno);
  char buffer[64];
  ssize_t length = -1;
  do {
    length = read(fd.get(), buffer, sizeof buffer);
  } while (length < 0 && errno == EINTR && !request_.deadline.Passed());
  if (length < 0) return FromErrnoOrDeadline("read " + path, errno, request_.deadline);
  *text = Trimmed({buffer, static_cast<size_t>(length)});
  return std::nullopt;
}

std::optional<Failure> TsmQuoteWorker::CheckProvider() const {
  std::string provider;
  if (auto failure = ReadAttribute("provider", &provider)) return failure;
  if (provider.rfind(kProvider, 0) == 0) return std::nullopt;
  return Failure{FailureCode::kFailed, 0, Attribute("provider") + ": not a " + std::string(kProvider) + " entry"};
}

std::optional<Failure> TsmQuoteWorker::Generation(int64_t* value) const {
  std::string text;
  if (auto failure = ReadAttribute("generation", &text)) return failure;
  const std::optional<int64_t> number = DecimalNumber(text);
  if (!number) return Failure{FailureCode::kFailed, 0, Attribute("generation") + ": not a decimal number"};
  *value = *number;
  return std::nullopt;
}

// configfs commits a binary attribute when the descriptor that wrote it is closed, so this is a second descriptor
// beside the locked one, and closing it is part of the write.
std::optional<Failure> TsmQuoteWorker::WriteReportData() const {
  const std::string what = "write " + Attribute("inblob");
  for (int tries = 1;; tries++) {
    UniqueFd fd = UniqueFd::Open(Attribute("inblob"), O_WRONLY);
    int error_number = 0;
    if (!fd.valid()) {
      error_number = errno;
    } else {
      const ssize_t length = write(fd.get(), request_.report_data.data(), kReportData);
      if (length < 0) error_number = errno;
      const int close_error = fd.Close();
      if (length >= 0 && length != static_cast<ssize_t>(kReportData)) {
        return Failure{FailureCode::kFailed, 0, what + ": " + std::to_string(length) + " of 64 bytes were taken"};
      }
      if (error_number == 0 && close_error != EINTR) error_number = close_error;
    }
    if (error_number == 0) return std::nullopt;
    if (error_number != EBUSY || tries == kTries) return FromErrnoOrDeadline(what, error_number, request_.deadline);
    if (!request_.deadline.Sleep(request_.busy_wait_ms)) return TimedOut(what);
  }
}

std::optional<Failure> TsmQuoteWorker::AwaitGeneration(int64_t before, int64_t* after) const {
  const Deadline patience(request_.generation_wait_ms);
  for (;;) {
    if (auto failure = Generation(after)) return failure;
    if (*after != before) break;
    if (patience.Passed() || !request_.deadline.Sleep(request_.poll_interval_ms)) {
      return TimedOut("wait for " + Attribute("generation"));
    }
  }
  // In unsigned arithmetic, where the step after the largest number is defined.
  if (static_cast<uint64_t>(*after) != static_cast<uint64_t>(before) + 1) return Overtaken();
  return std::nullopt;
}

std::optional<Failure> TsmQuoteWorker::ReadQuote() {
  const std::string what = "read " + Attribute("outblob");
  for (int tries = 1;; tries++) {
    const UniqueFd fd = UniqueFd::Open(Attribute("outblob"), O_RDONLY);
    if (!fd.valid()) return FromErrno(what, errno);
    quote_.assign(kQuoteShorter, 0);
    const ssize_t length = read(fd.get(), quote_.data(), quote_.size());
    const int error_number = errno;
    if (length > 0) {
      quote_.resize(static_cast<size_t>(length));
      return std::nullopt;
    }
    if (length == 0) return Failure{FailureCode::kFailed, 0, what + ": empty"};
    const bool again = error_number == EBUSY || error_number == EINTR || error_number == ETIMEDOUT;
    if (!again || tries == kTries) return FromErrnoOrDeadline(what, error_number, request_.deadline);
    if (!request_.deadline.Sleep(request_.busy_wait_ms)) return TimedOut(what);
  }
}

}  // namespace

Napi::Value TsmQuote(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  // Members of a braced list are read in order, so the first wrong one is the one named.
  TsmQuoteRequest request{arguments.Path("entryPath"),          arguments.Bytes("reportData", kReportData, kReportData),
                          arguments.Milliseconds("busyWaitMs"), arguments.Milliseconds("pollIntervalMs"),
                          arguments.Milliseconds("generationWaitMs"), Deadline(arguments.Milliseconds("deadlineMs"))};
  if (arguments.failed()) return Napi::Value();
  return (new TsmQuoteWorker(info.Env(), std::move(request)))->Start();
}

}  // namespace dstack

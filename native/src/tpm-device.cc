// A TPM's device file, held open across commands: what one of them loads is gone when the file is closed. Linux
// drivers/char/tpm/tpm-dev-common.c and tpmrm-dev.c; spec/attestation.md section 1.7.
#include "tpm-device.h"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "addon-data.h"
#include "arguments.h"
#include "device-worker.h"

namespace dstack {

namespace {

constexpr size_t kMinCommand = 10;
constexpr size_t kMaxCommand = 4096;
constexpr uint32_t kBusyWaitMs = 10;

class OpenTpmWorker final : public DeviceWorker {
 public:
  OpenTpmWorker(Napi::Env env, std::string path, Deadline deadline)
      : DeviceWorker(env, "dstack.openTpm"), path_(std::move(path)), deadline_(deadline) {}

 private:
  std::optional<Failure> Run() override {
    if (deadline_.Passed()) return TimedOut("open " + path_);
    for (;;) {
      // Not blocking, so that a command can be given up: write(2) then returns before the TPM has answered.
      UniqueFd fd = UniqueFd::Open(path_, O_RDWR | O_NONBLOCK);
      if (fd.valid()) {
        session_ = std::make_shared<TpmSession>(path_, std::move(fd));
        return std::nullopt;
      }
      // Without a resource manager the file is for one at a time.
      const int error_number = errno;
      if (error_number != EBUSY || !deadline_.Sleep(kBusyWaitMs)) return FromErrno("open " + path_, error_number);
    }
  }

  Napi::Value Result(Napi::Env env) override {
    Napi::Object device = env.GetInstanceData<AddonData>()->tpm_device.New({});
    // Either step fails in an environment that is going down; the file is then closed with this worker.
    TpmDevice* const holder = device.IsEmpty() ? nullptr : TpmDevice::Unwrap(device);
    if (holder == nullptr) return Napi::Value();
    holder->Hold(std::move(session_));
    return device;
  }

  const std::string path_;
  const Deadline deadline_;
  std::shared_ptr<TpmSession> session_;
};

class TransceiveWorker final : public DeviceWorker {
 public:
  TransceiveWorker(Napi::Env env, std::shared_ptr<TpmSession> session, std::vector<uint8_t> command, Deadline deadline)
      : DeviceWorker(env, "dstack.tpmTransceive"),
        session_(std::move(session)),
        command_(std::move(command)),
        deadline_(deadline) {}

 private:
  std::optional<Failure> Run() override { return session_->Transceive(command_, deadline_, &response_); }
  Napi::Value Result(Napi::Env env) override { return ToUint8Array(env, response_); }

  const std::shared_ptr<TpmSession> session_;
  const std::vector<uint8_t> command_;
  const Deadline deadline_;
  std::vector<uint8_t> response_;
};

class CloseWorker final : public DeviceWorker {
 public:
  CloseWorker(Napi::Env env, std::shared_ptr<TpmSession> session)
      : DeviceWorker(env, "dstack.tpmClose"), session_(std::move(session)) {}

 private:
  std::optional<Failure> Run() override {
    session_->Close();
    return std::nullopt;
  }
  Napi::Value Result(Napi::Env env) override { return env.Null(); }

  const std::shared_ptr<TpmSession> session_;
};

Napi::Value NotOpen(Napi::Env env) {
  Napi::TypeError::New(env, "A TPM device is made by `openTpm`.").ThrowAsJavaScriptException();
  return Napi::Value();
}

}  // namespace

Napi::Function TpmDevice::Define(Napi::Env env) {
  return DefineClass(env, "TpmDevice",
                     {InstanceMethod<&TpmDevice::Transceive>("transceive"), InstanceMethod<&TpmDevice::Close>("close")});
}

Napi::Value TpmDevice::Transceive(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  std::vector<uint8_t> command = arguments.Bytes("command", kMinCommand, kMaxCommand);
  const Deadline deadline(arguments.Milliseconds("deadlineMs"));
  if (arguments.failed()) return Napi::Value();
  if (session_ == nullptr) return NotOpen(info.Env());
  return (new TransceiveWorker(info.Env(), session_, std::move(command), deadline))->Start();
}

Napi::Value TpmDevice::Close(const Napi::CallbackInfo& info) {
  if (session_ == nullptr) return NotOpen(info.Env());
  return (new CloseWorker(info.Env(), session_))->Start();
}

Napi::Value OpenTpm(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  std::string path = arguments.Path("devicePath");
  const Deadline deadline(arguments.Milliseconds("deadlineMs"));
  if (arguments.failed()) return Napi::Value();
  return (new OpenTpmWorker(info.Env(), std::move(path), deadline))->Start();
}

}  // namespace dstack

// flock(2) on a file of its own, held across asynchronous steps: spec/attestation.md section 1.5.
#include "file-lock.h"

#include <cerrno>
#include <string>
#include <utility>

#include "addon-data.h"
#include "arguments.h"
#include "device-worker.h"
#include "exclusive-lock.h"

namespace dstack {

namespace {

class LockFileWorker final : public DeviceWorker {
 public:
  LockFileWorker(Napi::Env env, std::string path, uint32_t poll_interval_ms, Deadline deadline)
      : DeviceWorker(env, "dstack.lockFile"),
        path_(std::move(path)),
        poll_interval_ms_(poll_interval_ms),
        deadline_(deadline) {}

 private:
  std::optional<Failure> Run() override {
    fd_ = UniqueFd::Open(path_, O_RDWR | O_CREAT, 0600);
    if (!fd_.valid()) return FromErrno("open " + path_, errno);
    return LockExclusive(fd_.get(), path_, deadline_, poll_interval_ms_);
  }

  Napi::Value Result(Napi::Env env) override {
    Napi::Object lock = env.GetInstanceData<AddonData>()->file_lock.New({});
    // Either step fails in an environment that is going down; the lock is then given up with this worker.
    FileLock* const holder = lock.IsEmpty() ? nullptr : FileLock::Unwrap(lock);
    if (holder == nullptr) return Napi::Value();
    holder->Hold(std::move(fd_));
    return lock;
  }

  const std::string path_;
  const uint32_t poll_interval_ms_;
  const Deadline deadline_;
  UniqueFd fd_;
};

}  // namespace

Napi::Function FileLock::Define(Napi::Env env) {
  return DefineClass(env, "FileLock", {InstanceMethod<&FileLock::Release>("release")});
}

void FileLock::Release(const Napi::CallbackInfo&) { fd_.Close(); }

Napi::Value LockFile(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  std::string path = arguments.Path("path");
  const uint32_t poll_interval_ms = arguments.Milliseconds("pollIntervalMs");
  const Deadline deadline(arguments.Milliseconds("deadlineMs"));
  if (arguments.failed()) return Napi::Value();
  return (new LockFileWorker(info.Env(), std::move(path), poll_interval_ms, deadline))->Start();
}

}  // namespace dstack

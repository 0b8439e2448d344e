#pragma once

#include <napi.h>

#include "unique-fd.h"

namespace dstack {

// The JavaScript object that holds a lock on a file: release() gives it up, and so does the collector at the latest.
class FileLock : public Napi::ObjectWrap<FileLock> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit FileLock(const Napi::CallbackInfo& info) : Napi::ObjectWrap<FileLock>(info) {}

  void Hold(UniqueFd fd) { fd_ = std::move(fd); }

 private:
  // release(): void. A second call does nothing.
  void Release(const Napi::CallbackInfo& info);

  UniqueFd fd_;
};

// lockFile({path, pollIntervalMs, deadlineMs}): Promise<FileLock>
Napi::Value LockFile(const Napi::CallbackInfo& info);

}  // namespace dstack

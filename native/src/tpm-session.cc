#include "tpm-session.h"

#include <poll.h>

#include <cerrno>

#include "device-answer.h"

namespace dstack {

namespace {

constexpr size_t kMaxResponse = 4096;
constexpr uint32_t kBusyWaitMs = 10;

}  // namespace

std::optional<Failure> TpmSession::Transceive(const std::vector<uint8_t>& command, const Deadline& deadline, std::vector<uint8_t>* response) {
  const std::unique_lock<std::mutex> turn(mutex_, std::try_to_lock);
  if (!turn.owns_lock()) return Failure{FailureCode::kBusy, 0, path_ + ": another command is in flight"};
  if (!fd_.valid()) return Failure{FailureCode::kFailed, 0, path_ + ": closed"};
  if (awaits_response_) {
    if (auto failure = Receive(deadline, response)) return failure;
  }
  if (deadline.Passed()) return TimedOut("write " + path_);
  if (auto failure = Send(command, deadline)) return failure;
  if (auto failure = Receive(deadline, response)) return failure;
  if (!IsOneTpmResponse(response->data(), response->size())) {
    return Failure{FailureCode::kFailed, 0, "read " + path_ + ": " + std::to_string(response->size()) + " bytes are not one response"};
  }
  return std::nullopt;
}

void TpmSession::Close() {
  const std::lock_guard<std::mutex> turn(mutex_);
  fd_.Close();
}

std::optional<Failure> TpmSession::Send(const std::vector<uint8_t>& command, const Deadline& deadline) {
  const std::string what = "write " + path_;
  for (;;) {
    const ssize_t length = write(fd_.get(), command.data(), command.size());
    const int error_number = errno;
    if (length == static_cast<ssize_t>(command.size())) break;
    if (length >= 0) return Failure{FailureCode::kFailed, 0, what + ": the command was not taken whole"};
    // Both come before the command is looked at; nothing else is tried twice, for it may have been carried out.
    const bool before = error_number == EBUSY || error_number == EAGAIN;
    if (!before || !deadline.Sleep(kBusyWaitMs)) return FromErrno(what, error_number);
  }
  awaits_response_ = true;
  return std::nullopt;
}

std::optional<Failure> TpmSession::Receive(const Deadline& deadline, std::vector<uint8_t>* response) {
  const std::string what = "read " + path_;
  for (;;) {
    // Kernels before 4.20 carry the command out within write(2); then the response is there already.
    pollfd entry{fd_.get(), POLLIN, 0};
    const int ready = poll(&entry, 1, deadline.RemainingMs());
    if (ready < 0 && errno != EINTR) return FromErrno("poll " + path_, errno);
    if (ready == 0 || deadline.Passed()) return TimedOut(what);
    if (ready < 0) continue;
    response->assign(kMaxResponse, 0);
    const ssize_t length = read(fd_.get(), response->data(), response->size());
    const int error_number = errno;
    if (length < 0 && (error_number == EAGAIN || error_number == EINTR)) {
      // A file that is always ready to poll(2) must not be asked without a pause.
      if (!deadline.Sleep(kBusyWaitMs)) return TimedOut(what);
      continue;
    }
    awaits_response_ = false;
    if (length < 0) return FromErrno(what, error_number);
    response->resize(static_cast<size_t>(length));
    return std::nullopt;
  }
}

}  // namespace dstack

// One message to the quote generation service of the host and its answer, over vsock: spec/attestation.md
// section 1.3.
#include "qgs-exchange.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "deadline.h"
#include "device-answer.h"
#include "device-worker.h"
#include "unique-fd.h"
#include "vsock-socket.h"

namespace dstack {

namespace {

constexpr size_t kMaxFrame = 16384;
constexpr size_t kLengthBytes = 4;

class QgsExchangeWorker final : public DeviceWorker {
 public:
  QgsExchangeWorker(Napi::Env env, VsockAddress address, std::vector<uint8_t> message, Deadline deadline)
      : DeviceWorker(env, "dstack.qgsExchange"),
        what_(VsockText(address)),
        address_(address),
        message_(std::move(message)),
        deadline_(deadline) {}

 private:
  std::optional<Failure> Run() override;
  Napi::Value Result(Napi::Env env) override { return ToUint8Array(env, answer_); }

  std::optional<Failure> Send(const std::vector<uint8_t>& bytes) const;
  std::optional<Failure> Receive(std::vector<uint8_t>* bytes) const;

  const std::string what_;
  const VsockAddress address_;
  const std::vector<uint8_t> message_;
  const Deadline deadline_;
  UniqueFd socket_;
  std::vector<uint8_t> answer_;
};

// A frame is a big-endian length and that many bytes.
std::optional<Failure> QgsExchangeWorker::Run() {
  const uint32_t size = static_cast<uint32_t>(message_.size());
  std::vector<uint8_t> frame{static_cast<uint8_t>(size >> 24), static_cast<uint8_t>(size >> 16),
                             static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)};
  frame.insert(frame.end(), message_.begin(), message_.end());
  if (auto failure = ConnectVsock(address_, deadline_, &socket_)) return failure;
  if (auto failure = Send(frame)) return failure;
  std::vector<uint8_t> length(kLengthBytes);
  if (auto failure = Receive(&length)) return failure;
  const size_t announced = BigEndian32(length.data());
  if (announced == 0 || announced > kMaxFrame) {
    return Failure{FailureCode::kFailed, 0, what_ + ": an answer of " + std::to_string(announced) + " bytes"};
  }
  answer_.assign(announced, 0);
  auto failure = Receive(&answer_);
  socket_.Close();
  return failure;
}

std::optional<Failure> QgsExchangeWorker::Send(const std::vector<uint8_t>& bytes) const {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t length = send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (length >= 0) {
      sent += static_cast<size_t>(length);
    } else if (errno == EAGAIN) {
      if (auto failure = AwaitReady(socket_.get(), POLLOUT, deadline_, what_)) return failure;
    } else if (errno != EINTR) {
      return FromErrno("send " + what_, errno);
    }
  }
  return std::nullopt;
}

std::optional<Failure> QgsExchangeWorker::Receive(std::vector<uint8_t>* bytes) const {
  for (size_t received = 0; received < bytes->size();) {
    // Waits first, so that a peer that sends byte by byte cannot stretch the deadline.
    if (auto failure = AwaitReady(socket_.get(), POLLIN, deadline_, what_)) return failure;
    if (deadline_.Passed()) return TimedOut(what_);
    const ssize_t length = recv(socket_.get(), bytes->data() + received, bytes->size() - received, 0);
    if (length > 0) {
      received += static_cast<size_t>(length);
    } else if (length == 0) {
      return Failure{FailureCode::kFailed, 0, what_ + ": closed before the answer was whole"};
    } else if (errno != EAGAIN && errno != EINTR) {
      return FromErrno("receive " + what_, errno);
    }
  }
  return std::nullopt;
}

}  // namespace

Napi::Value QgsExchange(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const uint32_t cid = arguments.Integer("cid", 0, UINT32_MAX);
  const uint32_t port = arguments.Integer("port", 1, UINT32_MAX);
  std::vector<uint8_t> message = arguments.Bytes("message", 1, kMaxFrame);
  const Deadline deadline(arguments.Milliseconds("deadlineMs"));
  if (arguments.failed()) return Napi::Value();
  return (new QgsExchangeWorker(info.Env(), VsockAddress{cid, port}, std::move(message), deadline))->Start();
}

}  // namespace dstack

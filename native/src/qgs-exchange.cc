// One message to the quote generation service of the host and its answer, over vsock: spec/attestation.md
// section 1.3; vsock(7). Node's own sockets know no vsock.
#include "qgs-exchange.h"

#include <poll.h>
#include <sys/socket.h>
// After sys/socket.h, whose types it uses.
#include <linux/vm_sockets.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "deadline.h"
#include "device-answer.h"
#include "device-worker.h"
#include "unique-fd.h"

namespace dstack {

namespace {

constexpr size_t kMaxFrame = 16384;
constexpr size_t kLengthBytes = 4;

class QgsExchangeWorker final : public DeviceWorker {
 public:
  QgsExchangeWorker(Napi::Env env, uint32_t cid, uint32_t port, std::vector<uint8_t> message, Deadline deadline)
      : DeviceWorker(env, "dstack.qgsExchange"),
        what_("vsock " + std::to_string(cid) + ":" + std::to_string(port)),
        cid_(cid),
        port_(port),
        message_(std::move(message)),
        deadline_(deadline) {}

 private:
  std::optional<Failure> Run() override;
  Napi::Value Result(Napi::Env env) override { return ToUint8Array(env, answer_); }

  std::optional<Failure> Connect();
  std::optional<Failure> Await(short events) const;
  std::optional<Failure> Send(const std::vector<uint8_t>& bytes) const;
  std::optional<Failure> Receive(std::vector<uint8_t>* bytes) const;

  const std::string what_;
  const uint32_t cid_;
  const uint32_t port_;
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
  if (auto failure = Connect()) return failure;
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

std::optional<Failure> QgsExchangeWorker::Connect() {
  socket_ = UniqueFd(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_.valid()) return FromErrno(what_, errno);
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = cid_;
  address.svm_port = port_;
  if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return std::nullopt;
  if (errno != EINPROGRESS) return FromErrno("connect " + what_, errno);
  if (auto failure = Await(POLLOUT)) return failure;
  int error_number = 0;
  socklen_t size = sizeof error_number;
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) error_number = errno;
  if (error_number != 0) return FromErrno("connect " + what_, error_number);
  return std::nullopt;
}

std::optional<Failure> QgsExchangeWorker::Await(short events) const {
  for (;;) {
    pollfd entry{socket_.get(), events, 0};
    const int ready = poll(&entry, 1, deadline_.RemainingMs());
    if (ready > 0) return std::nullopt;
    if (ready == 0) return TimedOut(what_);
    if (errno != EINTR) return FromErrno("poll " + what_, errno);
  }
}

std::optional<Failure> QgsExchangeWorker::Send(const std::vector<uint8_t>& bytes) const {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t length = send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (length >= 0) {
      sent += static_cast<size_t>(length);
    } else if (errno == EAGAIN) {
      if (auto failure = Await(POLLOUT)) return failure;
    } else if (errno != EINTR) {
      return FromErrno("send " + what_, errno);
    }
  }
  return std::nullopt;
}

std::optional<Failure> QgsExchangeWorker::Receive(std::vector<uint8_t>* bytes) const {
  for (size_t received = 0; received < bytes->size();) {
    // Waits first, so that a peer that sends byte by byte cannot stretch the deadline.
    if (auto failure = Await(POLLIN)) return failure;
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
  return (new QgsExchangeWorker(info.Env(), cid, port, std::move(message), deadline))->Start();
}

}  // namespace dstack

#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "deadline.h"
#include "failure.h"
#include "unique-fd.h"

namespace dstack {

// One open descriptor of a TPM's device file: spec/attestation.md section 1.7. One command at a time; a second one at
// the same time is refused, since its response could not be told from the first one's.
class TpmSession {
 public:
  TpmSession(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  // One write, one read. A command given up at its deadline still runs in the TPM: the next one waits for its end
  // first, and drops its response.
  std::optional<Failure> Transceive(const std::vector<uint8_t>& command, const Deadline& deadline, std::vector<uint8_t>* response);

  // Waits for a command in flight, then closes; the kernel waits for what the TPM still does. Idempotent.
  void Close();

 private:
  std::optional<Failure> Send(const std::vector<uint8_t>& command, const Deadline& deadline);
  std::optional<Failure> Receive(const Deadline& deadline, std::vector<uint8_t>* response);

  const std::string path_;
  std::mutex mutex_;
  UniqueFd fd_;
  bool awaits_response_ = false;
};

}  // namespace dstack

// libFuzzer target: what devices and services answer, taken apart by native/src/device-answer.cc. Built with sanitizers by
// scripts/fuzz-native.mjs; a property that does not hold aborts.
#include "device-answer.h"

#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr char kBlank[] = " \t\r\n";

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckText(const std::string& text) {
  const std::string trimmed = dstack::Trimmed(text);
  Check(text.find(trimmed) != std::string::npos);
  Check(dstack::Trimmed(trimmed) == trimmed);
  Check(dstack::Trimmed(kBlank + text + kBlank) == trimmed);
  const auto number = dstack::DecimalNumber(trimmed);
  if (number) Check(dstack::DecimalNumber(std::to_string(*number)) == number);
}

void CheckBytes(const std::vector<uint8_t>& bytes) {
  if (dstack::IsOneTpmResponse(bytes.data(), bytes.size())) Check(bytes.size() >= 10);
  if (bytes.size() < 4) return;
  const std::vector<uint8_t> reversed{bytes[3], bytes[2], bytes[1], bytes[0]};
  Check(dstack::BigEndian32(bytes.data()) == dstack::LittleEndian32(reversed.data()));
}

}  // namespace

// Exact copies, so that a read beyond the end is seen by AddressSanitizer.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  CheckText(std::string(reinterpret_cast<const char*>(data), size));
  CheckBytes(std::vector<uint8_t>(data, data + size));
  return 0;
}

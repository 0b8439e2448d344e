#include "device-answer.h"

#include <charconv>

namespace dstack {

namespace {

constexpr char kBlank[] = " \t\r\n";
constexpr size_t kTpmHeader = 10;
constexpr size_t kTpmSizeAt = 2;

}  // namespace

std::string Trimmed(std::string_view text) {
  const size_t start = text.find_first_not_of(kBlank);
  if (start == std::string_view::npos) return std::string();
  return std::string(text.substr(start, text.find_last_not_of(kBlank) + 1 - start));
}

std::optional<int64_t> DecimalNumber(std::string_view text) {
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return value;
}

uint32_t BigEndian32(const uint8_t* bytes) {
  return static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
         static_cast<uint32_t>(bytes[2]) << 8 | static_cast<uint32_t>(bytes[3]);
}

uint32_t LittleEndian32(const uint8_t* bytes) {
  return static_cast<uint32_t>(bytes[0]) | static_cast<uint32_t>(bytes[1]) << 8 |
         static_cast<uint32_t>(bytes[2]) << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

bool IsOneTpmResponse(const uint8_t* bytes, size_t size) {
  return size >= kTpmHeader && BigEndian32(bytes + kTpmSizeAt) == size;
}

}  // namespace dstack

// What devices and services answer, taken apart: functions of their bytes alone, so that they can be fuzzed (fuzz/native).
#ifndef DSTACK_DEVICE_ANSWER_H_
#define DSTACK_DEVICE_ANSWER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dstack {

// Without blanks, tabs and line ends on either side.
std::string Trimmed(std::string_view text);

// A decimal number, with nothing before or behind it.
std::optional<int64_t> DecimalNumber(std::string_view text);

// Both read four bytes.
uint32_t BigEndian32(const uint8_t* bytes);
uint32_t LittleEndian32(const uint8_t* bytes);

// Exactly one response of a TPM: a header of ten bytes that announces the size the response has.
bool IsOneTpmResponse(const uint8_t* bytes, size_t size);

}  // namespace dstack

#endif  // DSTACK_DEVICE_ANSWER_H_

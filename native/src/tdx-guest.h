#pragma once

#include <sys/ioctl.h>

#include <cstddef>
#include <cstdint>

namespace dstack {

// The ABI of /dev/tdx_guest (spec/attestation.md section 1.2; Linux include/uapi/linux/tdx-guest.h, and the extend
// request of the TDX guest kernels dstack images use). Written down here because few systems ship the header.

constexpr size_t kTdxReportDataBytes = 64;
constexpr size_t kTdxReportBytes = 1024;
constexpr size_t kRtmrDigestBytes = 48;
constexpr uint32_t kRtmrLast = 3;

struct TdxReportRequest {
  uint8_t report_data[kTdxReportDataBytes];
  uint8_t td_report[kTdxReportBytes];
};

struct TdxExtendRequest {
  uint8_t digest[kRtmrDigestBytes];
  uint8_t index;
};

constexpr unsigned long kTdxGetReport = _IOWR('T', 1, TdxReportRequest);
// The kernel declares this one as "read" although the data flows in.
constexpr unsigned long kTdxExtendRtmr = _IOR('T', 3, TdxExtendRequest);

static_assert(sizeof(TdxReportRequest) == 1088 && kTdxGetReport == 0xC4405401, "TDX_CMD_GET_REPORT0");
static_assert(sizeof(TdxExtendRequest) == 49 && kTdxExtendRtmr == 0x80315403, "TDX_CMD_EXTEND_RTMR");

}  // namespace dstack

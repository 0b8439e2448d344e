const REPORT_DATA_BYTES = 64;

/**
 * A copy of exactly 64 bytes of report data, safe from a caller that goes on to change its own.
 * @throws TypeError for another length: report data is built, never passed through, by those who ask for evidence
 */
export function checkReportData(reportData: Uint8Array): Buffer {
  if (reportData.length !== REPORT_DATA_BYTES) throw new TypeError(`reportData must be ${REPORT_DATA_BYTES} bytes, not ${reportData.length}`);
  return Buffer.from(reportData);
}

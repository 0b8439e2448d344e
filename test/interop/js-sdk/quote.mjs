const RTMR0 = 376;
const REPORT_DATA = 568;

/** The fields of a version 4 TDX quote that the client chose or can replay, hex (Intel TDX DCAP quoting library API, appendix 3). */
export function readQuote(hex) {
  const quote = Buffer.from(hex, 'hex');
  const field = (at, length) => quote.subarray(at, at + length).toString('hex');
  return {
    version: quote.readUInt16LE(0),
    rtmrs: [0, 1, 2, 3].map((index) => field(RTMR0 + 48 * index, 48)),
    reportData: field(REPORT_DATA, 64),
  };
}

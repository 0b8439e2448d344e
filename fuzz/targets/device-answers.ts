import {
  decodeAttestationAnswer,
  decodeDescribeNsmAnswer,
  decodeDescribePcrAnswer,
  decodeExtendPcrAnswer,
  decodeGetRandomAnswer,
  decodeLockAnswer,
} from '../../src/attestation/issue/nsm-answer.js';
import { decodeQuoteResponse, parseQgsPort } from '../../src/attestation/issue/qgs-message.js';
import { anyOf, checkBounded, textOf } from '../engine/properties.js';
import { check, type Target } from '../engine/target.js';

const refusals = new Set(['DEVICE_FAILED']);
const MAX_PORT = 0xffff_ffff;

/** Answers of the quote generation service and of the NSM, and the configuration that names the service's port. */
export const target: Target = {
  maxLength: 1 << 14,
  refusals,
  dictionary: [Uint8Array.of(1, 0, 0, 0), Uint8Array.of(0, 4, 0, 0), Buffer.from('port = 4050\n'), Uint8Array.of(0xa1, 0x6b), Uint8Array.of(0xff, 0xff, 0xff, 0xff)],
  mutators: [],
  run: (input) => {
    const port = parseQgsPort(textOf(input));
    check(Number.isInteger(port) && port >= 0 && port <= MAX_PORT, 'a port is an unsigned number of 32 bits');
    anyOf(refusals, [
      () => checkBounded([decodeQuoteResponse(input)], input),
      () => checkBounded([decodeAttestationAnswer(input)], input),
      () => checkBounded([decodeGetRandomAnswer(input)], input),
      () => checkBounded([decodeExtendPcrAnswer(input)], input),
      () => checkBounded([decodeDescribePcrAnswer(input).value], input),
      () => check(decodeDescribeNsmAnswer(input).lockedPcrs.length <= input.length, 'every register has a byte of its own'),
      () => decodeLockAnswer(input, 'LockPCR'),
    ]);
  },
};

import type { TpmEvent } from '../evidence/attestation.js';
import { MAX_EVENTS } from './limits.js';
import { malformedLog } from './log-error.js';
import { TcgLogReader } from './tcg-log.js';

/** Some firmware ends its log so, other just ends (spec/attestation.md section 2.5, trap T25). */
const END_MARK = 0xffff_ffff;
const EV_NO_ACTION = 3;
const TPM_ALG_SHA256 = 0x000b;

/**
 * Parses the firmware log of a TPM, `/sys/kernel/security/tpm0/binary_bios_measurements` (TCG crypto-agile format), into what extended the
 * SHA-256 bank, in order. Events of type EV_NO_ACTION extend nothing and are dropped, as are those without a SHA-256 digest. At most 4 MiB
 * and 16 384 events.
 * @throws VerificationError EVENT_LOG_MALFORMED when truncated or out of bounds
 */
export function parseTpmLog(log: Uint8Array): TpmEvent[] {
  const reader = new TcgLogReader(log);
  const events: TpmEvent[] = [];
  for (let count = 0; !reader.atEnd && reader.peek() !== END_MARK; count++) {
    if (count >= MAX_EVENTS) malformedLog(`more than ${MAX_EVENTS} events`);
    const { register, eventType, digests } = reader.record();
    const found = digests.find(({ algorithm }) => algorithm === TPM_ALG_SHA256);
    if (eventType !== EV_NO_ACTION && found !== undefined) events.push({ pcrIndex: register, digest: found.digest });
  }
  return events;
}

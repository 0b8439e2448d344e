import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTpmLog } from '../../../src/attestation/event-log/tpm-log.js';
import { ukiEvent } from '../../../src/attestation/event-log/uki-event.js';
import { replayPcr } from '../../../src/attestation/tpm/pcrs.js';
import { decodeAttestation } from '../../../src/attestation/wire/decode.js';
import { VerificationError } from '../../../src/errors/verification-error.js';
import { hex, vector } from '../vectors.js';

const malformed = expect.objectContaining({ name: 'VerificationError', code: 'EVENT_LOG_MALFORMED' });
const log = vector('eventlog/gcp-tpm.bin');
const SHA1 = 0x0004;
const SHA256 = 0x000b;

const u16 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, value >> 8);
const u32 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24);

/** The first record, then those given. */
function made(...records: Uint8Array[]): Uint8Array {
  const specId = Buffer.from('Spec ID Event03\0');
  return Buffer.concat([u32(0), u32(3), new Uint8Array(20), u32(specId.length), specId, ...records]);
}

function record(pcr: number, type: number, digests: readonly (readonly [algorithm: number, digest: Uint8Array])[], payload = new Uint8Array()): Uint8Array {
  return Buffer.concat([u32(pcr), u32(type), u32(digests.length), ...digests.flatMap(([algorithm, digest]) => [u16(algorithm), digest]), u32(payload.length), payload]);
}

const digest = (byte: number, size = 32): Uint8Array => new Uint8Array(size).fill(byte);

describe('firmware log of a TPM', () => {
  const events = parseTpmLog(log);
  const ofPcr = (index: number) => events.filter(({ pcrIndex }) => pcrIndex === index);

  it('of a GCP machine: 43 events that extend, replayed to PCR 0 of Google\'s firmware and the recorded PCR 2', () => {
    expect(events).toHaveLength(43);
    expect(hex(replayPcr(ofPcr(0)))).toBe('0cca9ec161b09288802e5a112255d21340ed5b797f5fe29cecccfd8f67b9f802');
    expect(hex(replayPcr(ofPcr(2)))).toBe('1f74355f18d9aab3a26faa060d2058726554207d040c63d25d501d97f5a41e0f');
  });

  it('the third event of PCR 2 is the kernel image', () => {
    expect(ofPcr(2).map((event) => hex(event.digest).slice(0, 8))).toEqual(['df3f6198', '00b8a357', '9ab14a46', 'ade943a0']);
    expect(hex(ukiEvent(events) ?? new Uint8Array())).toBe('9ab14a46f858662a89adc102d2a57a13f52f75c1769d65a4c34edbbfc8855f0f');
    expect(ukiEvent(events.filter((event) => event.pcrIndex !== 2))).toBeNull();
    expect(ukiEvent(ofPcr(2).slice(0, 2))).toBeNull();
  });

  it('is what the recorded evidence of such a machine carries', () => {
    const { platform } = decodeAttestation(vector('evidence/gcp-tdx.bin'));
    if (platform.kind !== 'gcp-tdx') throw new Error('not GCP');
    const { eventLog } = platform.tpmQuote;
    expect(eventLog.length).toBeGreaterThan(0);
    for (const event of eventLog) expect(events).toContainEqual(event);
  });

  it('keeps the SHA-256 digest of what extends a PCR, in order', () => {
    const list = made(
      record(0, 8, [[SHA1, digest(9, 20)], [SHA256, digest(1)]]),
      record(0, 3, [[SHA256, digest(2)]]),
      record(4, 8, [[SHA1, digest(9, 20)]]),
      record(7, 8, []),
      record(23, 8, [[SHA256, digest(3)]], Buffer.from('payload')),
    );
    expect(parseTpmLog(list)).toEqual([{ pcrIndex: 0, digest: digest(1) }, { pcrIndex: 23, digest: digest(3) }]);
  });

  it('ends with the file or with its mark, whatever follows that', () => {
    const one = record(0, 8, [[SHA256, digest(1)]]);
    expect(parseTpmLog(made(one))).toHaveLength(1);
    expect(parseTpmLog(made())).toEqual([]);
    expect(parseTpmLog(Buffer.concat([made(one), u32(0xffff_ffff), one]))).toHaveLength(1);
  });

  it('takes nothing along from the buffer it was read from', () => {
    const buffer = Buffer.from(made(record(0, 8, [[SHA256, digest(1)]])));
    const [event] = parseTpmLog(buffer);
    buffer.fill(0);
    expect(event?.digest).toEqual(digest(1));
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['a first record of another type', record(0, 8, [[SHA256, digest(1)]])],
    ['another first event', Buffer.concat([u32(0), u32(3), new Uint8Array(20), u32(16), Buffer.from('Spec ID Event02\0')])],
    ['a short first event', Buffer.concat([u32(0), u32(3), new Uint8Array(20), u32(4), Buffer.from('Spec')])],
    ['an unknown algorithm', made(record(0, 8, [[0x0012, digest(1)]]))],
    ['a record cut short', made(record(0, 8, [[SHA256, digest(1)]])).subarray(0, -1)],
    ['three bytes where a record begins', Buffer.concat([made(), Uint8Array.of(1, 2, 3)])],
    ['65537 digests', made(Buffer.concat([u32(0), u32(8), u32(65_537)]))],
    ['65537 bytes of event', made(Buffer.concat([u32(0), u32(8), u32(0), u32(65_537), new Uint8Array(65_537)]))],
    ['more than 4 MiB', Buffer.concat([made(), new Uint8Array(4 * 1024 * 1024)])],
    ['more than 16384 events, kept or not', made(...Array.from({ length: 16_385 }, () => record(0, 3, [])))],
  ])('refuses %s', (_, bytes) => {
    expect(() => parseTpmLog(bytes)).toThrow(malformed);
  });

  it('survives any change of a byte and any truncation', () => {
    const survives = (bytes: Uint8Array): void => {
      try {
        parseTpmLog(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(VerificationError);
      }
    };
    fc.assert(
      fc.property(fc.nat(log.length - 1), fc.nat(255), fc.nat(log.length), (at, byte, end) => {
        const changed = log.slice();
        changed[at] = byte;
        survives(changed);
        survives(changed.subarray(0, end));
      }),
    );
  });
});

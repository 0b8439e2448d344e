import { describe, expect, test } from 'vitest';
import { CertificateMemory } from '../../src/attestation/certificate-memory.js';
import { checkCollateral } from '../../src/attestation/dcap/checked-collateral.js';
import { parseCollateralJson } from '../../src/attestation/dcap/collateral-format.js';
import { type QuoteVerdict, verifyQuoteWith } from '../../src/attestation/dcap/verify-quote.js';
import { verifyNsmDocument } from '../../src/attestation/nitro/verify.js';
import { vendorRoots } from '../../src/attestation/roots/vendor-roots.js';
import { decodeAttestation } from '../../src/attestation/wire/decode.js';
import { DstackError } from '../../src/errors/base.js';
import { vector, vectorText } from './vectors.js';

/** Everything a verdict says, as text. */
function claims(verdict: unknown): string {
  return JSON.stringify(verdict, (_, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value instanceof Map ? [...value] : value));
}

interface Outcome {
  /** Offsets of flips that were refused, and of those after which the claims were the same. */
  readonly refused: number[];
  readonly same: number[];
}

/** Flips every byte in turn. @throws when a flip leaves the evidence accepted with other claims, or ends in anything but a refusal */
function flipEach(bytes: Uint8Array, mask: number, verify: (bytes: Uint8Array) => unknown): Outcome {
  const genuine = claims(verify(bytes));
  const outcome: Outcome = { refused: [], same: [] };
  const changed = bytes.slice();
  for (let at = 0; at < bytes.length; at++) {
    changed[at] = (bytes[at] ?? 0) ^ mask;
    try {
      if (claims(verify(changed)) !== genuine) throw new Error(`byte ${at}: accepted with other claims`);
      outcome.same.push(at);
    } catch (error) {
      if (!(error instanceof DstackError)) throw error;
      outcome.refused.push(at);
    }
    changed[at] = bytes[at] ?? 0;
  }
  return outcome;
}

function report(what: string, mask: number, { refused, same }: Outcome): void {
  process.stdout.write(`${what}, each byte ^ 0x${mask.toString(16).padStart(2, '0')}: ${refused.length} refused, ${same.length} with the same claims\n`);
}

const range = (from: number, until: number): number[] => Array.from({ length: until - from }, (_, i) => from + i);

describe.each([
  ['TDX quote, version 4', 'tdx/v4-uptodate', 1_752_919_000, 4936, [0x01, 0x80, 0xff]],
  ['SGX quote, version 3', 'sgx/v3', 1_752_919_000, 4600, [0x01, 0xff]],
])('%s', (what, file, now, end, masks) => {
  const quote = vector(`${file}.quote`);
  const checked = checkCollateral(parseCollateralJson(vectorText(`${file}.collateral.json`)), { root: vendorRoots().tdx, now });
  const verify = (bytes: Uint8Array): QuoteVerdict => verifyQuoteWith(checked, bytes, now);

  test.each(masks)('a byte ^ %i is refused, or padding behind the quote', (mask) => {
    const outcome = flipEach(quote, mask, verify);
    report(what, mask, outcome);
    expect(outcome.same).toEqual(range(end, quote.length));
    expect(outcome.refused).toEqual(range(0, end));
  }, 60_000);

  test('no other value of a length, a type or a separator passes either', () => {
    const structure = [...quote.keys()].filter((at) => isStructure(quote, at) && at < end);
    expect(structure.length).toBeGreaterThan(10);
    expect(everyOtherValue(quote, structure, verify)).toEqual([]);
  }, 60_000);
});

/** Lengths and types of the authentication data, and what ends the certificate chain. */
function isStructure(quote: Uint8Array, at: number): boolean {
  const body = quote[0] === 3 ? 432 : 632;
  const isLength = at >= body && at < body + 4;
  const isOuterRecord = quote[0] === 4 && at >= body + 132 && at < body + 138;
  const qe = body + 132 + (quote[0] === 4 ? 6 : 0) + 448;
  const isQeRecord = (at >= qe && at < qe + 2) || (at >= qe + 34 && at < qe + 40);
  return isLength || isOuterRecord || isQeRecord || (at > qe && quote[at] === 0x2d && quote[at - 1] === 0x0a);
}

/** Offsets and values that pass. */
function everyOtherValue(bytes: Uint8Array, offsets: readonly number[], verify: (bytes: Uint8Array) => unknown): string[] {
  const passed: string[] = [];
  for (const at of offsets) {
    const changed = bytes.slice();
    for (let value = 0; value < 256; value++) {
      changed[at] = value;
      try {
        if (value !== bytes[at]) verify(changed);
        else continue;
        passed.push(`${at}=${value}`);
      } catch (error) {
        if (!(error instanceof DstackError)) throw error;
      }
    }
  }
  return passed;
}

describe('NSM document', () => {
  const { platform } = decodeAttestation(vector('nitro/versioned-v0-app.bin'));
  const bytes = platform.kind === 'nitro-enclave' ? platform.nsmQuote : new Uint8Array();
  const options = { nowMs: 1_766_678_659_346, root: vendorRoots().nitroEnclave, memory: new CertificateMemory() };
  const verify = (changed: Uint8Array): unknown => verifyNsmDocument(changed, options);

  test.each([0x01, 0x80, 0xff])('a byte ^ %i is refused', (mask) => {
    const outcome = flipEach(bytes, mask, verify);
    report('NSM document', mask, outcome);
    expect(outcome.same).toEqual([]);
    expect(outcome.refused).toHaveLength(bytes.length);
  }, 60_000);

  test('no other value of the envelope passes either', () => {
    expect(everyOtherValue(bytes, range(0, 12), verify)).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import type { CollateralGetter, CollateralRequest } from '../../../src/attestation/collateral.js';
import type { Attestation, RuntimeEvent } from '../../../src/attestation/evidence/attestation.js';
import { checkQuoteSignatures } from '../../../src/attestation/evidence/quote-signatures.js';
import { appInfo } from '../../../src/attestation/evidence/measurements.js';
import { verifyAttestation, verifyQuoteBytes } from '../../../src/attestation/evidence/verify.js';
import { VerifierCache } from '../../../src/attestation/evidence/verifier-cache.js';
import { replayRuntimeEvents } from '../../../src/attestation/event-log/replay.js';
import { parseQuote } from '../../../src/attestation/tdx/quote.js';
import { NO_SNP_ROOTS } from '../../../src/attestation/trust-roots.js';
import { collateral, NOW, pckLeaf, PPID, qeIdentity, quote, type QuoteOptions, root, sgxTcbInfo, tcbInfo } from '../dcap/mini-platform.js';
import { createHash } from 'node:crypto';
import { hex } from '../vectors.js';
import { testKey } from '../../x509/mini-ca.js';

const events: RuntimeEvent[] = [
  { event: 'app-id', payload: new Uint8Array(20).fill(1), version: 1 },
  { event: 'boot-mr-done', payload: new Uint8Array(), version: 1 },
  { event: 'init-script-hash', payload: new Uint8Array(32).fill(2), version: 2 },
  { event: 'system-ready', payload: new Uint8Array(), version: 2 },
  { event: 'app-id', payload: new Uint8Array(20).fill(9), version: 2 },
];

/** A quote whose RTMR3 is that of `events`. */
function quoteOf(form: QuoteOptions = {}): Uint8Array {
  return quote({
    ...form,
    body: (body) => {
      Buffer.from(replayRuntimeEvents(events, 'sha384')).copy(body, 472);
      form.body?.(body);
    },
  });
}

const attestation = (bytes: Uint8Array): Attestation => ({
  wire: 'v1',
  platform: { kind: 'tdx', quote: bytes, eventLog: [] },
  stack: { kind: 'dstack', reportData: new Uint8Array(64).fill(0xab), runtimeEvents: events, config: '', reportDataPayload: null },
});

function options(served = collateral()) {
  const asked: CollateralRequest[] = [];
  const getter: CollateralGetter = {
    getCollateral: async (request) => {
      asked.push(request);
      return served;
    },
  };
  return { asked, now: NOW, roots: { tdx: root.der, nitroEnclave: root.der, gcpTpm: root.der, sevSnp: NO_SNP_ROOTS }, collateral: getter, cache: new VerifierCache() };
}

describe('TDX attestations of a made platform', () => {
  it.each<[string, QuoteOptions]>([
    ['version 4', {}],
    ['version 5, TD 1.5', { version: 5, bodyType: 3 }],
    ['version 5, TD 1.0', { version: 5, bodyType: 2 }],
  ])('%s: register, report data and device are found where that version has them', async (_, form) => {
    const given = options();
    const verified = await verifyAttestation(attestation(quoteOf(form)), given);
    expect(given.asked).toEqual([{ tee: 'tdx', fmspc: Uint8Array.of(0, 1, 2, 3, 4, 5), ca: 'platform' }]);
    expect(hex(verified.reportData)).toBe('ab'.repeat(64));
    const info = appInfo(verified, { view: 'runtime' });
    expect(hex(info.deviceId)).toBe(createHash('sha256').update(PPID).digest('hex'));
    expect(hex(info.appId)).toBe('01'.repeat(20));
    expect(info.initScriptHashes).toEqual([new Uint8Array(32).fill(2)]);
  });

  it('configuration registers join the aggregate only when one of them is set', async () => {
    const aggregate = async (form: QuoteOptions, view: 'runtime' | 'boot-time') => hex(appInfo(await verifyAttestation(attestation(quoteOf(form)), options()), { view }).mrAggregated);
    const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest('hex');
    const zeros = new Uint8Array(192);
    const full = replayRuntimeEvents(events, 'sha384');
    const boot = replayRuntimeEvents(events.slice(0, 2), 'sha384');
    const owner = new Uint8Array(48).fill(5);
    expect(await aggregate({}, 'runtime')).toBe(sha256(zeros, full));
    expect(await aggregate({}, 'boot-time')).toBe(sha256(zeros, boot));
    expect(await aggregate({ body: (body) => body.fill(5, 232, 280) }, 'runtime')).toBe(sha256(zeros, full, new Uint8Array(48), owner, new Uint8Array(48)));
  });

  it('a module that Intel did not sign is refused even when the collateral names its signer', async () => {
    const mrsigner = '77'.repeat(48);
    const served = collateral({ tcb: tcbInfo({ tdxModule: { mrsigner, attributes: '00'.repeat(8), attributesMask: 'FF'.repeat(8) } }) });
    const foreign = quoteOf({ body: (body) => body.fill(0x77, 64, 112) });
    await expect(verifyAttestation(attestation(foreign), options(served))).rejects.toMatchObject({ name: 'VerificationError', code: 'TDX_MODULE_SIGNER_NOT_INTEL' });
  });

  it('a debuggable trust domain is refused', async () => {
    const debug = quoteOf({ body: (body) => (body[120] = 1) });
    await expect(verifyAttestation(attestation(debug), options())).rejects.toMatchObject({ name: 'AppraisalError', code: 'DEBUG_MODE' });
  });

  it('an SGX quote is no trust domain, genuine or not', async () => {
    const served = collateral({ tcb: sgxTcbInfo(), qe: qeIdentity({ id: 'QE' }) });
    const sgx = quote({ version: 3 });
    await expect(verifyQuoteBytes(sgx, options(served))).resolves.toMatchObject({ teeType: 'sgx' });
    await expect(verifyAttestation(attestation(sgx), options(served))).rejects.toMatchObject({ name: 'VerificationError', code: 'QUOTE_BODY_NOT_FOR_TEE' });
  });

  it.each([
    ['left out', events.slice(0, -1)],
    ['added', [...events, ...events.slice(-1)]],
    ['reordered', events.toReversed()],
    ['of another version', events.map((event) => ({ ...event, version: 1 as const }))],
  ])('an event %s is refused', async (_, runtimeEvents) => {
    const honest = attestation(quoteOf());
    await expect(verifyAttestation({ ...honest, stack: { ...honest.stack, runtimeEvents } }, options())).rejects.toMatchObject({ code: 'RTMR3_MISMATCH' });
  });

  it.each([
    ['six init scripts', Array.from({ length: 6 }, () => new Uint8Array(32))],
    ['an init script hash of 31 bytes', [new Uint8Array(31)]],
  ])('%s are refused when measurements are derived', async (_, hashes) => {
    const verified = await verifyAttestation(attestation(quoteOf()), options());
    const stack = { ...verified.attestation.stack, runtimeEvents: hashes.map((payload) => ({ event: 'init-script-hash', payload, version: 1 as const })) };
    expect(() => appInfo({ ...verified, attestation: { ...verified.attestation, stack } }, { view: 'runtime' })).toThrow(expect.objectContaining({ code: 'EVENT_LOG_MALFORMED' }));
  });
});

describe('signatures of a quote without collateral', () => {
  const check = (form: QuoteOptions) => () => checkQuoteSignatures(parseQuote(quote(form)), { now: NOW, root: root.der });
  const code = (expected: string) => expect.objectContaining({ name: 'VerificationError', code: expected });

  it('hold for an honest quote', () => {
    expect(check({})).not.toThrow();
    expect(check({ version: 3 })).not.toThrow();
  });

  it.each<[string, QuoteOptions, string]>([
    ['a QE report by another platform', { pckKey: testKey('other') }, 'QE_REPORT_SIGNATURE_INVALID'],
    ['a QE report about another key', { qeReport: (report) => report.fill(0, 320, 352) }, 'QE_REPORT_DATA_MISMATCH'],
    ['a certification without certificate', { certification: { type: 2, data: new Uint8Array(256) } }, 'PCK_CERTIFICATION_UNSUPPORTED'],
    ['a foreign vendor', { vendor: '00'.repeat(16) }, 'QUOTE_VENDOR_UNKNOWN'],
  ])('refused: %s', (_, form, expected) => {
    expect(check(form)).toThrow(code(expected));
  });

  it('refused: a changed body, another root', () => {
    const changed = quote();
    changed[200] = 1;
    expect(() => checkQuoteSignatures(parseQuote(changed), { now: NOW, root: root.der })).toThrow(code('QUOTE_SIGNATURE_INVALID'));
    expect(() => checkQuoteSignatures(parseQuote(quote()), { now: NOW, root: pckLeaf.der })).toThrow(expect.objectContaining({ name: 'VerificationError' }));
  });
});

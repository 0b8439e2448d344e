import { describe, expect, it } from 'vitest';
import { verifyQuote } from '../../src/attestation/dcap/verify-quote.js';
import { claim } from '../../src/attestation/event-log/boundary.js';
import { replayRtmr } from '../../src/attestation/event-log/replay.js';
import type { Attestation } from '../../src/attestation/evidence/attestation.js';
import { appInfo } from '../../src/attestation/evidence/measurements.js';
import { VerifierCache } from '../../src/attestation/evidence/verifier-cache.js';
import { verifyAttestation } from '../../src/attestation/evidence/verify.js';
import { verifyNsmDocument } from '../../src/attestation/nitro/verify.js';
import { parseNsmDocument } from '../../src/attestation/nitro/document.js';
import { recordedCertificates } from '../../src/attestation/recorded-certificates.js';
import { parseQuote } from '../../src/attestation/tdx/quote.js';
import type { TdReport } from '../../src/attestation/tdx/quote.js';
import { encodeAttestation } from '../../src/attestation/wire/decode.js';
import { EvidenceSourceError } from '../../src/errors/evidence-source-error.js';
import { VerificationError } from '../../src/errors/verification-error.js';
import { createFixtureEvidence } from '../../src/simulator/fixture-platform.js';
import type { FixtureOptions } from '../../src/simulator/fixture-platform.js';
import { ownAppInfo } from '../../src/guest-agent/own-app-info.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { recordingJson } from '../../src/attestation/recording.js';
import { vendorAnswers } from '../../src/simulator/vendor-answers.js';
import { hex, unhex, vector } from '../attestation/vectors.js';
import { clock, NOW, reportData, seed, thrownBy } from './development.js';

const recording = vector('guest-agent/attestation.bin');
const plain: FixtureOptions = { attestation: recording, patchReportData: true, seed: null, clock };
const signed: FixtureOptions = { ...plain, seed };

function quoteOf({ platform }: Attestation): Uint8Array {
  if (platform.kind !== 'tdx') throw new Error(`evidence of ${platform.kind}`);
  return platform.quote;
}

function reportOf(attestation: Attestation): TdReport {
  const { report } = parseQuote(quoteOf(attestation));
  if (report.kind === 'sgx') throw new Error('an SGX quote');
  return report;
}

const measurements = ({ mrTd, mrConfigId, mrOwner, mrOwnerConfig, rtmrs, tdAttributes, xfam }: TdReport): unknown => ({ mrTd, mrConfigId, mrOwner, mrOwnerConfig, rtmrs, tdAttributes, xfam });

describe('the public simulator recording', () => {
  const fixture = createFixtureEvidence(plain);

  it('has the identity of spec/sdk-contract.md section 12.2', () => {
    const { stack, platform } = fixture.recorded;
    expect(hex(claim(stack.runtimeEvents, 'app-id'))).toBe('5bb4ff9a3837357f19dc176407a5709c62eb6c56');
    expect(hex(claim(stack.runtimeEvents, 'instance-id'))).toBe('1691ed1b47506cad7d08834668691d88246f5b1f');
    expect(hex(claim(stack.runtimeEvents, 'compose-hash'))).toBe('c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a');
    const report = reportOf(fixture.recorded);
    expect(hex(report.mrTd)).toMatch(/^e53236d4.*5822$/);
    expect(hex(report.rtmrs[3])).toMatch(/^f28a1490.*fadf$/);
    expect(quoteOf(fixture.recorded)).toHaveLength(5010);
    if (platform.kind !== 'tdx') throw new Error('no TDX evidence');
    expect(platform.eventLog).toHaveLength(33);
    expect(stack.runtimeEvents).toHaveLength(9);
    expect(hex(replayRtmr(platform.eventLog, 3))).toBe(hex(report.rtmrs[3]));
  });

  it('is answered with report data overwritten in quote and stack, nothing else', async () => {
    const attestation = await fixture.attest(reportData);
    const expected = Buffer.from(recording);
    const start = expected.indexOf(Buffer.from('0400020081000000', 'hex'));
    expected.set(reportData, start + 568);
    expect(reportOf(attestation).reportData).toEqual(reportData);
    expect(attestation.stack.reportData).toEqual(reportData);
    const restored = { ...attestation, stack: { ...attestation.stack, reportData: new Uint8Array(64) } };
    expect(Buffer.from(encodeAttestation(restored)).equals(expected)).toBe(true);
  });

  it('keeps its wire version and is never changed itself', async () => {
    const encoded = encodeAttestation(await fixture.attest(reportData));
    expect(encoded[0]).toBe(0);
    expect(encoded).toHaveLength(recording.length);
    expect(Buffer.from(encodeAttestation(fixture.recorded)).equals(recording)).toBe(true);
  });

  it('is answered as it is when report data is not patched', async () => {
    const attestation = await createFixtureEvidence({ ...plain, patchReportData: false }).attest(reportData);
    expect(Buffer.from(encodeAttestation(attestation)).equals(recording)).toBe(true);
  });

  it('says what it is', () => {
    expect(fixture).toMatchObject({ variant: 'dstack-tdx', development: true, quoteAnswer: 'simulator', emitEvent: null, nsmDocument: null, roots: [], collateral: null });
  });
});

describe('the recording signed anew under a seed', () => {
  const fixture = createFixtureEvidence(signed);

  it('has the measurements and logs of the recording and the report data given', async () => {
    const attestation = await fixture.attest(reportData);
    expect(measurements(reportOf(attestation))).toEqual(measurements(reportOf(fixture.recorded)));
    expect(reportOf(attestation).reportData).toEqual(reportData);
    expect(attestation.stack).toEqual({ ...fixture.recorded.stack, reportData });
    expect(attestation.wire).toBe('v0');
  });

  it('is accepted by the production verifier under the development root', async () => {
    const { roots: [root], collateral } = fixture;
    if (root === undefined || collateral === null) throw new Error('not signed');
    const answer = await collateral.getCollateral({ tee: 'tdx', fmspc: new Uint8Array(6).fill(0xd5), ca: 'platform' });
    const quote = quoteOf(await fixture.attest(reportData));
    expect(verifyQuote(quote, answer, { now: NOW, root }).status).toBe('UpToDate');
    const broken = quoteOf(await createFixtureEvidence(plain).attest(reportData));
    expect(thrownBy(() => verifyQuote(broken, answer, { now: NOW, root }))).toBeInstanceOf(VerificationError);
  });
});

describe('recordings of other kinds', () => {
  const nitro = vector('evidence/nitro.bin');

  it('a version 5 quote has its report data six bytes further on', async () => {
    const { recorded } = createFixtureEvidence(plain);
    const v5 = vector('tdx/v5-td15.quote');
    const attestation = encodeAttestation({ ...recorded, platform: { kind: 'tdx', quote: v5, eventLog: [] } });
    const fixture = createFixtureEvidence({ ...plain, attestation });
    const patched = await fixture.attest(reportData);
    expect(reportOf(patched).reportData).toEqual(reportData);
    expect(quoteOf(patched).filter((byte, i) => byte !== v5[i] && (i < 574 || i >= 638))).toHaveLength(0);
    const resigned = await createFixtureEvidence({ ...signed, attestation }).attest(reportData);
    expect(measurements(reportOf(resigned))).toEqual(measurements(reportOf(fixture.recorded)));
  });

  it('a Nitro Enclave without a seed keeps its document and makes no other', async () => {
    const fixture = createFixtureEvidence({ ...plain, attestation: nitro });
    const attestation = await fixture.attest(reportData);
    expect(attestation.platform).toEqual(fixture.recorded.platform);
    expect(attestation.stack.reportData).toEqual(reportData);
    expect(fixture).toMatchObject({ variant: 'dstack-nitro-enclave', nsmDocument: null });
  });

  it('a Nitro Enclave with a seed is signed anew with its PCRs', async () => {
    const fixture = createFixtureEvidence({ ...signed, attestation: nitro });
    const { platform } = await fixture.attest(reportData);
    const [root] = fixture.roots;
    if (platform.kind !== 'nitro-enclave' || fixture.recorded.platform.kind !== 'nitro-enclave' || root === undefined) throw new Error('no NSM document');
    const { document } = verifyNsmDocument(platform.nsmQuote, { nowMs: NOW * 1000, root });
    const recorded = parseNsmDocument(fixture.recorded.platform.nsmQuote);
    expect(document).toMatchObject({ userData: reportData, moduleId: recorded.moduleId, pcrs: recorded.pcrs });
    const bare = await fixture.nsmDocument?.({ userData: null, nonce: Uint8Array.of(9), publicKey: null });
    expect(parseNsmDocument(bare ?? new Uint8Array()).nonce).toEqual(Uint8Array.of(9));
  });

  it('SEV-SNP report data is overwritten in the report', async () => {
    const fixture = createFixtureEvidence({ ...plain, attestation: vector('evidence/sev-snp.bin') });
    const { platform } = await fixture.attest(reportData);
    if (platform.kind !== 'sev-snp') throw new Error('no SEV-SNP report');
    expect(platform.report.subarray(0x50, 0x90)).toEqual(reportData);
  });

  it.each(['evidence/sev-snp.bin', 'evidence/gcp-tdx.bin'])('%s with a seed is signed anew and has the measurements of the recording', async (file) => {
    const fixture = createFixtureEvidence({ ...signed, attestation: vector(file) });
    const certificates = recordedCertificates(recordingJson(vendorAnswers(seed, { now: NOW })));
    const collateral = fixture.collateral ?? { getCollateral: async () => Promise.reject(new Error('no quote')) };
    const verified = await verifyAttestation(await fixture.attest(reportData), { now: NOW, roots: developmentRoots(seed), collateral, certificates, cache: new VerifierCache() });
    expect(verified.reportData).toEqual(reportData);
    const { deviceId: _device, ...claimed } = ownAppInfo(fixture.recorded);
    expect(appInfo(verified, { view: 'runtime' })).toMatchObject(claimed);
  });

  it('a vTPM quote over PCRs no selection names is refused when loaded', () => {
    const { recorded } = createFixtureEvidence({ ...plain, attestation: vector('evidence/gcp-tdx.bin') });
    if (recorded.platform.kind !== 'gcp-tdx') throw new Error('no vTPM quote');
    const { tpmQuote } = recorded.platform;
    for (const indices of [[0, 2, 24], [2, 0, 14], [0, 0, 14]]) {
      const pcrValues = tpmQuote.pcrValues.map((pcr, i) => ({ ...pcr, index: indices[i] ?? 0 }));
      const attestation = encodeAttestation({ ...recorded, platform: { ...recorded.platform, tpmQuote: { ...tpmQuote, pcrValues } } });
      expect(thrownBy(() => createFixtureEvidence({ ...signed, attestation }))).toMatchObject({ code: 'DEVICE_FAILED' });
    }
  });

  it('that of a NitroTPM cannot be signed anew', () => {
    const { recorded } = createFixtureEvidence(plain);
    const attestation = encodeAttestation({ ...recorded, platform: { kind: 'aws-nitro-tpm', attestationDoc: unhex('84') } });
    const error = thrownBy(() => createFixtureEvidence({ ...signed, attestation }));
    expect(error).toBeInstanceOf(EvidenceSourceError);
    expect(error).toMatchObject({ code: 'NOT_THIS_PLATFORM' });
  });
});

describe('unusable recordings', () => {
  it('are refused when loaded', () => {
    expect(thrownBy(() => createFixtureEvidence({ ...plain, attestation: unhex('ff') }))).toMatchObject({ code: 'ATTESTATION_MALFORMED' });
    const { recorded } = createFixtureEvidence(plain);
    const attestation = encodeAttestation({ ...recorded, platform: { kind: 'tdx', quote: unhex('0400'), eventLog: [] } });
    expect(thrownBy(() => createFixtureEvidence({ ...signed, attestation }))).toMatchObject({ code: 'QUOTE_MALFORMED' });
    expect(thrownBy(() => createFixtureEvidence({ ...plain, attestation }))).toMatchObject({ code: 'DEVICE_FAILED' });
  });

  it('and so are report data and seeds of the wrong length', async () => {
    await expect(createFixtureEvidence(plain).attest(new Uint8Array(65))).rejects.toBeInstanceOf(TypeError);
    expect(() => createFixtureEvidence({ ...plain, seed: new Uint8Array(8) })).toThrow(TypeError);
  });
});

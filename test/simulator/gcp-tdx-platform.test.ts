import { createHash, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ukiEvent } from '../../src/attestation/event-log/uki-event.js';
import type { Attestation, TpmQuote } from '../../src/attestation/evidence/attestation.js';
import { gcpUkiDigest } from '../../src/attestation/evidence/image-document.js';
import { bootInfo } from '../../src/attestation/evidence/boot-info.js';
import type { VerifiedAttestation } from '../../src/attestation/evidence/verified.js';
import { VerifierCache } from '../../src/attestation/evidence/verifier-cache.js';
import { verifyAttestation, type VerifyOptions } from '../../src/attestation/evidence/verify.js';
import { recordedCertificates } from '../../src/attestation/recorded-certificates.js';
import { vendorRoots } from '../../src/attestation/roots/vendor-roots.js';
import { decodeAttestation, encodeAttestation } from '../../src/attestation/wire/decode.js';
import { stripForCertificate } from '../../src/attestation/wire/strip.js';
import { developmentGcpPcr0 } from '../../src/simulator/gcp-firmware.js';
import { bootedKernel, developmentGcpImage } from '../../src/simulator/gcp-image.js';
import { createDevelopmentGcpTdx, type DevelopmentGcpTdxOptions } from '../../src/simulator/gcp-tdx-platform.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { createDevelopmentTpmPki } from '../../src/simulator/tpm-pki.js';
import { recordingJson } from '../../src/attestation/recording.js';
import { vendorAnswers } from '../../src/simulator/vendor-answers.js';
import { app, clock, flipped, hex, NOW, otherSeed, reportData, seed } from './development.js';

const image = developmentGcpImage(new Uint8Array(32).fill(0x11));
const vmConfig = JSON.stringify({ os_image_hash: hex(image.osImageHash), gcp_measurement: image.document });
const options: DevelopmentGcpTdxOptions = { seed, clock, app, imageHash: image.osImageHash, ukiDigest: image.ukiDigest, vmConfig };
const machine = createDevelopmentGcpTdx(options);
const roots = developmentRoots(seed);
const certificates = recordedCertificates(recordingJson(vendorAnswers(seed, { now: NOW })));

function verify(attestation: Attestation, given: Partial<VerifyOptions> = {}): Promise<VerifiedAttestation> {
  return verifyAttestation(decodeAttestation(encodeAttestation(attestation)), { now: NOW, roots, collateral: machine.collateral, certificates, cache: new VerifierCache(), ...given });
}

/** An attestation of the machine with its vTPM quote changed. */
async function changed(change: (quote: TpmQuote) => Partial<TpmQuote>): Promise<Attestation> {
  const attestation = await machine.attest(reportData);
  const { platform } = attestation;
  if (platform.kind !== 'gcp-tdx') throw new Error(`evidence of ${platform.kind}`);
  return { ...attestation, platform: { ...platform, tpmQuote: { ...platform.tpmQuote, ...change(platform.tpmQuote) } } };
}

const refusal = (name: string, code: string) => expect.objectContaining({ name, code });

describe('the development machine of GCP in the production verifier', () => {
  it.each([1, 2] as const)('is genuine with version %i events and says who it is', async (eventVersion) => {
    const platform = createDevelopmentGcpTdx({ ...options, eventVersion });
    const verified = await verify(await platform.attest(reportData));
    expect(verified).toMatchObject({ variant: 'dstack-gcp-tdx', reportData, tcbStatus: 'UpToDate', advisoryIds: [] });
    expect(bootInfo(verified, { view: 'runtime' })).toMatchObject({ appId: 'a0'.repeat(20), composeHash: 'c0'.repeat(32), instanceId: '10'.repeat(20), osImageHash: hex(image.osImageHash) });
  });

  it('is genuine in the stripped form certificates carry', async () => {
    expect((await verify(stripForCertificate(await machine.attest(reportData)))).variant).toBe('dstack-gcp-tdx');
  });

  it('is genuine with an RSA key in its vTPM', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const platform = createDevelopmentGcpTdx({ ...options, attestationKey: privateKey });
    expect((await verify(await platform.attest(reportData))).variant).toBe('dstack-gcp-tdx');
  });

  it('an event reaches RTMR3 and PCR 14, and moves the measurement of run time alone', async () => {
    const platform = createDevelopmentGcpTdx(options);
    const before = await verify(await platform.attest(reportData));
    await platform.emitEvent('application', Uint8Array.of(1));
    const after = await verify(await platform.attest(reportData));
    const [was, is] = [before, after].map(({ platform: p }) => (p.kind === 'gcp-tdx' ? [hex(p.report.rtmrs[3]), hex(p.tpm.pcrs.get(14) ?? [])] : []));
    expect(is).toHaveLength(2);
    expect(is?.[0]).not.toBe(was?.[0]);
    expect(is?.[1]).not.toBe(was?.[1]);
    expect(bootInfo(after, { view: 'runtime' }).mrAggregated).not.toBe(bootInfo(before, { view: 'runtime' }).mrAggregated);
    expect(bootInfo(after, { view: 'boot-time' })).toEqual(bootInfo(before, { view: 'boot-time' }));
  });

  it('quotes with padding behind, which the vTPM signs too', async () => {
    const { platform } = await machine.attest(reportData);
    if (platform.kind !== 'gcp-tdx') throw new Error(`evidence of ${platform.kind}`);
    expect(hex(platform.quote.subarray(-70))).toBe('00'.repeat(70));
    expect(Buffer.from(platform.tpmQuote.message).includes(createHash('sha256').update(platform.quote).digest())).toBe(true);
    // Five bytes of authorisation area behind r and s of 32 bytes (trap T15).
    expect(platform.tpmQuote.signature).toHaveLength(4 + 2 * 34 + 5);
  });

  it('booted the kernel its image document names, on firmware that never changes', async () => {
    const verified = await verify(await machine.attest(reportData));
    if (verified.platform.kind !== 'gcp-tdx') throw new Error(`evidence of ${verified.platform.kind}`);
    const { tpm } = verified.platform;
    expect(hex(tpm.pcrs.get(0) ?? [])).toBe(hex(developmentGcpPcr0()));
    expect(ukiEvent(tpm.eventLog)).toEqual(gcpUkiDigest(vmConfig, hex(image.osImageHash)));
    expect(bootedKernel(vmConfig, image.osImageHash)).toEqual(image.ukiDigest);
    expect(bootedKernel('', image.osImageHash)).not.toEqual(image.ukiDigest);
    expect(() => bootedKernel(vmConfig, new Uint8Array(32))).toThrow(refusal('AppraisalError', 'IMAGE_HASH_MISMATCH'));
  });
});

describe('it is refused', () => {
  it('under Google’s root, and under that of another seed', async () => {
    const attestation = await machine.attest(reportData);
    await expect(verify(attestation, { roots: { ...roots, gcpTpm: vendorRoots().gcpTpm } })).rejects.toMatchObject({ name: 'VerificationError', code: 'ISSUER_UNKNOWN' });
    await expect(verify(attestation, { roots: { ...roots, gcpTpm: developmentRoots(otherSeed).gcpTpm } })).rejects.toMatchObject({ name: 'VerificationError', code: 'CRL_SIGNATURE_INVALID' });
    await expect(verify(attestation, { roots: vendorRoots() })).rejects.toMatchObject({ name: 'VerificationError', code: 'CRL_NOT_FOUND' });
  });

  it('with the vTPM quote of another moment: both proofs must be of one', async () => {
    const other = await changed(() => ({}));
    const { platform } = await machine.attest(new Uint8Array(64));
    if (platform.kind !== 'gcp-tdx') throw new Error(`evidence of ${platform.kind}`);
    await expect(verify(await changed(() => platform.tpmQuote))).rejects.toMatchObject({ code: 'TPM_QUALIFYING_DATA_MISMATCH' });
    await expect(verify(other)).resolves.toMatchObject({ variant: 'dstack-gcp-tdx' });
  });

  it('with one byte of the padding changed', async () => {
    const attestation = await machine.attest(reportData);
    const { platform } = attestation;
    if (platform.kind !== 'gcp-tdx') throw new Error(`evidence of ${platform.kind}`);
    const quote = flipped(platform.quote, platform.quote.length - 1);
    await expect(verify({ ...attestation, platform: { ...platform, quote } })).rejects.toMatchObject({ code: 'TPM_QUALIFYING_DATA_MISMATCH' });
  });

  it.each<[string, (quote: TpmQuote) => Partial<TpmQuote>, string]>([
    ['a byte of the message', ({ message }) => ({ message: flipped(message, 20) }), 'TPM_SIGNATURE_INVALID'],
    ['a byte of the signature', ({ signature }) => ({ signature: flipped(signature, 30) }), 'TPM_SIGNATURE_INVALID'],
    ['a byte of the PCR digest', ({ message }) => ({ message: flipped(message, message.length - 1) }), 'TPM_PCR_DIGEST_MISMATCH'],
    ['a byte of a PCR', ({ pcrValues }) => ({ pcrValues: pcrValues.map((pcr) => ({ ...pcr, value: flipped(pcr.value, 0) })) }), 'TPM_PCR_DIGEST_MISMATCH'],
    ['a byte of the firmware log', ({ eventLog }) => ({ eventLog: eventLog.map((event) => ({ ...event, digest: flipped(event.digest, 0) })) }), 'TPM_EVENT_LOG_MISMATCH'],
    ['another kernel in the log', ({ eventLog }) => ({ eventLog: eventLog.filter(({ digest }) => !Buffer.from(digest).equals(image.ukiDigest)) }), 'TPM_EVENT_LOG_MISMATCH'],
    ['the key’s certificate', ({ akCert }) => ({ akCert: flipped(akCert, akCert.length - 1) }), 'CERTIFICATE_SIGNATURE_INVALID'],
    ['the certificate of another key', () => ({ akCert: createDevelopmentTpmPki(seed, { attestationKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }).akCert }), 'TPM_SIGNATURE_INVALID'],
  ])('with %s changed', async (_, change, code) => {
    await expect(verify(await changed(change))).rejects.toMatchObject({ name: 'VerificationError', code });
  });

  it('with events that are not those measured', async () => {
    const attestation = await machine.attest(reportData);
    const runtimeEvents = attestation.stack.runtimeEvents.slice(0, -1);
    await expect(verify({ ...attestation, stack: { ...attestation.stack, runtimeEvents } })).rejects.toMatchObject({ code: 'RTMR3_MISMATCH' });
  });

  it.each(['intermediate', 'ak'] as const)('when the %s certificate is revoked', async (revoked) => {
    const { published } = createDevelopmentTpmPki(seed, { revoked });
    const fetch = async (url: string): Promise<Uint8Array> => published.get(url) ?? Promise.reject(new Error(url));
    await expect(verify(await machine.attest(reportData), { certificates: { allows: () => true, fetch } })).rejects.toMatchObject({ name: 'VerificationError', code: 'CERTIFICATE_REVOKED' });
  });

  it('when the revocation lists are out of date', async () => {
    await expect(verify(await machine.attest(reportData), { now: NOW + 31 * 86_400, collateral: createDevelopmentGcpTdx({ ...options, clock: () => NOW + 31 * 86_400 }).collateral })).rejects.toMatchObject({ name: 'VerificationError', code: 'CRL_EXPIRED' });
  });

  it('when nothing can be looked up, which says nothing about the evidence', async () => {
    await expect(verify(await machine.attest(reportData), { certificates: recordedCertificates('[]') })).rejects.toMatchObject({ name: 'CollateralError', code: 'COLLATERAL_UNAVAILABLE' });
  });
});

describe('the vTPM PKI', () => {
  it('is byte-identical per seed, its lists too within an hour', () => {
    expect(createDevelopmentTpmPki(seed)).toMatchObject({ root: roots.gcpTpm, akCert: createDevelopmentTpmPki(seed).akCert });
    expect(vendorAnswers(seed, { now: NOW })).toEqual(vendorAnswers(seed, { now: NOW + 60 }));
    expect(createDevelopmentTpmPki(otherSeed).akCert).not.toEqual(createDevelopmentTpmPki(seed).akCert);
  });
});

describe('arguments of the wrong length', () => {
  it('are TypeErrors', async () => {
    expect(() => createDevelopmentGcpTdx({ ...options, seed: new Uint8Array(31) })).toThrow(TypeError);
    expect(() => createDevelopmentGcpTdx({ ...options, ukiDigest: new Uint8Array(31) })).toThrow(TypeError);
    expect(() => createDevelopmentGcpTdx({ ...options, imageHash: new Uint8Array(31) })).toThrow(TypeError);
    await expect(machine.attest(new Uint8Array(63))).rejects.toBeInstanceOf(TypeError);
  });
});

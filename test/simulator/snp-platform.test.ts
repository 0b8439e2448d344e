import { describe, expect, it } from 'vitest';
import type { Attestation, PlatformEvidence } from '../../src/attestation/evidence/attestation.js';
import { bootInfo } from '../../src/attestation/evidence/boot-info.js';
import type { VerifiedAttestation } from '../../src/attestation/evidence/verified.js';
import { VerifierCache } from '../../src/attestation/evidence/verifier-cache.js';
import { verifyAttestation, type VerifyOptions } from '../../src/attestation/evidence/verify.js';
import { NO_CERTIFICATES } from '../../src/attestation/certificate-fetcher.js';
import { recordedCertificates } from '../../src/attestation/recorded-certificates.js';
import { vendorRoots } from '../../src/attestation/roots/vendor-roots.js';
import type { Endorsement } from '../../src/attestation/sev-snp/certificates.js';
import type { SnpProduct } from '../../src/attestation/sev-snp/product.js';
import { NO_SNP_ROOTS } from '../../src/attestation/trust-roots.js';
import { decodeAttestation, encodeAttestation } from '../../src/attestation/wire/decode.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { kdsAnswers, snpCertificateChain } from '../../src/simulator/snp-certificates.js';
import { snpLaunchDigest } from '../../src/simulator/snp-machine.js';
import { createDevelopmentSnpPki } from '../../src/simulator/snp-pki.js';
import { createDevelopmentSnp, type DevelopmentSnpOptions } from '../../src/simulator/snp-platform.js';
import { createDevelopmentTdx } from '../../src/simulator/tdx-platform.js';
import { recordingJson } from '../../src/attestation/recording.js';
import { vendorAnswers } from '../../src/simulator/vendor-answers.js';
import { app, clock, flipped, hex, imageHash, NOW, otherSeed, reportData, seed } from './development.js';

const options: DevelopmentSnpOptions = { seed, app, imageHash, vmConfig: null };
const guest = createDevelopmentSnp(options);
const roots = developmentRoots(seed);
const certificates = recordedCertificates(recordingJson(vendorAnswers(seed, { now: NOW })));
const { collateral } = createDevelopmentTdx({ ...options, clock });

type SnpEvidence = Extract<PlatformEvidence, { kind: 'sev-snp' }>;

function verify(attestation: Attestation, given: Partial<VerifyOptions> = {}): Promise<VerifiedAttestation> {
  return verifyAttestation(decodeAttestation(encodeAttestation(attestation)), { now: NOW, roots, collateral, certificates, cache: new VerifierCache(), ...given });
}

async function changed(change: (evidence: SnpEvidence) => Partial<SnpEvidence>, of = guest): Promise<Attestation> {
  const attestation = await of.attest(reportData);
  const { platform } = attestation;
  if (platform.kind !== 'sev-snp') throw new Error(`evidence of ${platform.kind}`);
  return { ...attestation, platform: { ...platform, ...change(platform) } };
}

describe('the development SEV-SNP guest in the production verifier', () => {
  it('is genuine and says who it is', async () => {
    const verified = await verify(await guest.attest(reportData));
    expect(verified).toMatchObject({ variant: 'dstack-amd-sev-snp', reportData, tcbStatus: 'UpToDate', advisoryIds: [] });
    const info = bootInfo(verified, { view: 'runtime' });
    expect(info).toMatchObject({
      appId: 'a0'.repeat(20),
      composeHash: 'c0'.repeat(32),
      instanceId: '10'.repeat(20),
      osImageHash: '11'.repeat(32),
      deviceId: hex(guest.pki.chipId),
      keyProviderInfo: Buffer.from('{"name":"kms","id":"3059"}').toString('hex'),
    });
    expect(bootInfo(verified, { view: 'boot-time' })).toEqual(info);
    expect(verified.platform).toMatchObject({ kind: 'sev-snp', report: { measurement: snpLaunchDigest(imageHash) } });
  });

  it('is launched for a document in canonical JSON', async () => {
    const { platform } = await guest.attest(reportData);
    const expected = `{"app_id":"${'a0'.repeat(20)}","compose_hash":"${'c0'.repeat(32)}","instance_id":"${'10'.repeat(20)}","key_provider":"kms","key_provider_id":"3059","version":3}`;
    expect(platform).toMatchObject({ mrConfig: expected });
    const bare = createDevelopmentSnp({ ...options, app: { ...app, instanceId: new Uint8Array(), keyProvider: null } });
    expect((await bare.attest(reportData)).platform).toMatchObject({ mrConfig: `{"app_id":"${'a0'.repeat(20)}","compose_hash":"${'c0'.repeat(32)}","key_provider":"none","version":3}` });
  });

  it.each<[SnpProduct, Endorsement, 2 | 3]>([
    ['Milan', 'vcek', 3],
    ['Genoa', 'vcek', 2],
    ['Turin', 'vcek', 3],
    ['Milan', 'vlek', 3],
    ['Turin', 'vlek', 2],
  ])('is genuine as %s with a %s and a report of version %i, whichever way its certificates come', async (product, endorsement, reportVersion) => {
    const pki = createDevelopmentSnpPki(seed, { product, endorsement });
    for (const form of ['pair', 'table'] as const) {
      const other = createDevelopmentSnp({ ...options, product, endorsement, reportVersion, certificates: form });
      await expect(verify(await other.attest(reportData), { certificates: NO_CERTIFICATES })).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
    }
    const answers = Array.from(kdsAnswers(pki), ([target, body]) => ({ url: `http://kds.test${target}`, target, status: 200, headers: {}, body }));
    const asked = createDevelopmentSnp({ ...options, product, endorsement, reportVersion });
    const verdict = verify(await asked.attest(reportData), { certificates: recordedCertificates(recordingJson(answers)) });
    if (endorsement === 'vcek') await expect(verdict).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
    else await expect(verdict).rejects.toMatchObject({ name: 'CollateralError', code: 'COLLATERAL_UNAVAILABLE' });
  });

  it('travels as V0 and measures no run-time events', async () => {
    const attestation = await guest.attest(reportData);
    expect(attestation.wire).toBe('v0');
    expect(decodeAttestation(encodeAttestation(attestation))).toEqual(attestation);
    expect(guest).toMatchObject({ emitEvent: null, nsmDocument: null, development: true, variant: 'dstack-amd-sev-snp' });
  });
});

describe('it is refused', () => {
  it('without a root, and under that of another seed', async () => {
    const attestation = await guest.attest(reportData);
    await expect(verify(attestation, { roots: { ...roots, sevSnp: NO_SNP_ROOTS } })).rejects.toMatchObject({ name: 'VerificationError', code: 'SNP_ROOT_NOT_CONFIGURED' });
    await expect(verify(attestation, { roots: developmentRoots(otherSeed) })).rejects.toMatchObject({ name: 'VerificationError', code: 'CERTIFICATE_SIGNATURE_INVALID' });
    await expect(verify(attestation, { roots: vendorRoots() })).rejects.toMatchObject({ name: 'VerificationError' });
  });

  it.each<[string, (evidence: SnpEvidence) => Partial<SnpEvidence>, string]>([
    ['a byte of the report data', ({ report }) => ({ report: flipped(report, 0x50) }), 'REPORT_DATA_MISMATCH'],
    ['a byte of the measurement', ({ report }) => ({ report: flipped(report, 0x90) }), 'SNP_SIGNATURE_INVALID'],
    ['a byte of HOST_DATA', ({ report }) => ({ report: flipped(report, 0xc0) }), 'SNP_HOST_DATA_MISMATCH'],
    ['a byte of the document', ({ mrConfig }) => ({ mrConfig: mrConfig.replace('a0', 'a1') }), 'SNP_HOST_DATA_MISMATCH'],
    ['the spelling of the document', ({ mrConfig }) => ({ mrConfig: `${mrConfig} ` }), 'SNP_HOST_DATA_MISMATCH'],
    ['a byte of the signature', ({ report }) => ({ report: flipped(report, 0x2a0) }), 'SNP_SIGNATURE_INVALID'],
    ['the chip', () => ({ certChain: snpCertificateChain(createDevelopmentSnpPki(otherSeed), 'pair') }), 'SNP_CERTIFICATE_CHIP_MISMATCH'],
    ['the line of processors', () => ({ certChain: snpCertificateChain(createDevelopmentSnpPki(seed, { product: 'Milan' }), 'pair') }), 'SNP_CERTIFICATE_PRODUCT_MISMATCH'],
    ['the kind of key', () => ({ certChain: [guest.pki.intermediate, createDevelopmentSnpPki(seed, { endorsement: 'vlek' }).leaf] }), 'SNP_CERTIFICATE_KIND_MISMATCH'],
  ])('with %s changed', async (_, change, code) => {
    await expect(verify(await changed(change))).rejects.toMatchObject({ name: 'VerificationError', code });
  });

  it('when its host may debug it', async () => {
    const debug = createDevelopmentSnp({ ...options, policy: 0x30000n | (1n << 19n) });
    await expect(verify(await debug.attest(reportData))).rejects.toMatchObject({ name: 'AppraisalError', code: 'DEBUG_MODE' });
  });

  it('when its certificates cannot be had, which says nothing about the evidence', async () => {
    await expect(verify(await guest.attest(reportData), { certificates: NO_CERTIFICATES })).rejects.toMatchObject({ name: 'CollateralError', code: 'COLLATERAL_UNAVAILABLE' });
  });
});

describe('the SEV-SNP PKI', () => {
  it('is byte-identical per seed and differs from seed to seed, line to line and key to key', () => {
    const { root, intermediate, leaf } = createDevelopmentSnpPki(seed);
    expect(createDevelopmentSnpPki(seed)).toMatchObject({ root, intermediate, leaf });
    const others = [createDevelopmentSnpPki(otherSeed), createDevelopmentSnpPki(seed, { product: 'Turin' }), createDevelopmentSnpPki(seed, { endorsement: 'vlek' })];
    for (const other of others) expect([other.intermediate, other.leaf]).not.toEqual([intermediate, leaf]);
  });
});

describe('arguments of the wrong length', () => {
  it('are TypeErrors', async () => {
    expect(() => createDevelopmentSnp({ ...options, seed: new Uint8Array(31) })).toThrow(TypeError);
    expect(() => createDevelopmentSnp({ ...options, imageHash: new Uint8Array(31) })).toThrow(TypeError);
    expect(() => createDevelopmentSnp({ ...options, app: { ...app, appId: new Uint8Array(19) } })).toThrow(TypeError);
    await expect(guest.attest(new Uint8Array(63))).rejects.toBeInstanceOf(TypeError);
  });
});

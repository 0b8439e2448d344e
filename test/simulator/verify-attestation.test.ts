import { describe, expect, it } from 'vitest';
import type { CollateralGetter } from '../../src/attestation/collateral.js';
import type { Attestation } from '../../src/attestation/evidence/attestation.js';
import { bootInfo } from '../../src/attestation/evidence/boot-info.js';
import { verifyAttestation } from '../../src/attestation/evidence/verify.js';
import type { VerifyOptions } from '../../src/attestation/evidence/verify.js';
import { VerifierCache } from '../../src/attestation/evidence/verifier-cache.js';
import type { VerifiedAttestation } from '../../src/attestation/evidence/verified.js';
import { NO_SNP_ROOTS, type TrustRoots } from '../../src/attestation/trust-roots.js';
import { decodeAttestation, encodeAttestation } from '../../src/attestation/wire/decode.js';
import { stripForCertificate } from '../../src/attestation/wire/strip.js';
import { parsePemChain } from '../../src/x509/pem.js';
import { createFixtureEvidence } from '../../src/simulator/fixture-platform.js';
import { createDevelopmentNitro, developmentPcrs } from '../../src/simulator/nitro-platform.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { createDevelopmentTdx } from '../../src/simulator/tdx-platform.js';
import type { DevelopmentTdxOptions } from '../../src/simulator/tdx-platform.js';
import { vector, vectorText } from '../attestation/vectors.js';
import { app, clock, imageHash, NOW, otherSeed, reportData, seed } from './development.js';

const options: DevelopmentTdxOptions = { seed, clock, app, imageHash, vmConfig: null };
const tdx = createDevelopmentTdx(options);
const nitro = createDevelopmentNitro({ seed, clock, pcrs: developmentPcrs(imageHash), appId: app.appId });
const [nitroEnclave] = parsePemChain(vectorText('roots/AWS_NitroEnclaves_Root-G1.pem'), 1);
if (nitroEnclave === undefined) throw new Error('no root');
const vendorRoots: TrustRoots = { tdx: vector('roots/intel-sgx-root.der'), nitroEnclave, gcpTpm: nitroEnclave, sevSnp: NO_SNP_ROOTS };

function verify(attestation: Attestation, given: { readonly roots?: TrustRoots; readonly collateral?: CollateralGetter } = {}): Promise<VerifiedAttestation> {
  const verifyOptions: VerifyOptions = { now: NOW, roots: given.roots ?? developmentRoots(seed), collateral: given.collateral ?? tdx.collateral, cache: new VerifierCache() };
  return verifyAttestation(decodeAttestation(encodeAttestation(attestation)), verifyOptions);
}

describe('development evidence in the production verifier', () => {
  it.each([1, 2] as const)('TDX with version %i events is genuine and says who it is', async (eventVersion) => {
    const platform = createDevelopmentTdx({ ...options, eventVersion });
    await platform.emitEvent('application', Uint8Array.of(1, 2, 3));
    const verified = await verify(await platform.attest(reportData));
    expect(verified).toMatchObject({ variant: 'dstack-tdx', reportData, tcbStatus: 'UpToDate', advisoryIds: [] });
    expect(bootInfo(verified, { view: 'runtime' })).toMatchObject({
      appId: 'a0'.repeat(20),
      composeHash: 'c0'.repeat(32),
      instanceId: '10'.repeat(20),
      osImageHash: '11'.repeat(32),
      keyProviderInfo: Buffer.from('{"name":"kms","id":"3059"}').toString('hex'),
    });
  });

  it('TDX is genuine in the stripped form certificates carry', async () => {
    expect((await verify(stripForCertificate(await tdx.attest(reportData)))).tcbStatus).toBe('UpToDate');
  });

  it('a boot-time measurement does not change as provisioning goes on', async () => {
    const early = createDevelopmentTdx({ ...options, app: { ...app, keyProvider: null } });
    const before = bootInfo(await verify(await early.attest(reportData)), { view: 'boot-time' });
    expect(bootInfo(await verify(await tdx.attest(reportData)), { view: 'boot-time' })).toEqual(before);
    expect(bootInfo(await verify(await tdx.attest(reportData)), { view: 'runtime' }).mrAggregated).not.toBe(before.mrAggregated);
  });

  it('a Nitro Enclave is genuine and names its image', async () => {
    const attestation = await nitro.attest(reportData);
    const verified = await verify(attestation);
    expect(verified).toMatchObject({ variant: 'dstack-nitro-enclave', reportData, tcbStatus: '' });
    const info = bootInfo(verified, { view: 'runtime' });
    expect(info.appId).toBe('a0'.repeat(20));
    expect(attestation.stack.config).toBe(`{"os_image_hash":"${info.mrAggregated}"}`);
    expect(info.osImageHash).toBe(info.mrAggregated);
  });

  it('a recording signed anew is genuine', async () => {
    const fixture = createFixtureEvidence({ attestation: vector('guest-agent/attestation.bin'), patchReportData: true, seed, clock });
    const info = bootInfo(await verify(await fixture.attest(reportData)), { view: 'runtime' });
    expect(info).toMatchObject({
      appId: '5bb4ff9a3837357f19dc176407a5709c62eb6c56',
      mrAggregated: '85334a62c97d0f8bf82d0245d31b539d17a2d7c258e2a13efc928aaea0e107cb',
      mrSystem: '51ea38f8eee6dc72dbae9b74531ae6d6204295d265dabb4e6c34621a2a1a1197',
    });
  });
});

describe('development evidence is refused', () => {
  it('under the vendors’ roots', async () => {
    await expect(verify(await tdx.attest(reportData), { roots: vendorRoots })).rejects.toMatchObject({ code: 'CRL_NOT_FOUND' });
    await expect(verify(await nitro.attest(reportData), { roots: vendorRoots })).rejects.toMatchObject({ code: 'ISSUER_UNKNOWN' });
  });

  it('under the roots of another seed', async () => {
    const roots = developmentRoots(otherSeed);
    await expect(verify(await tdx.attest(reportData), { roots })).rejects.toMatchObject({ code: 'CRL_SIGNATURE_INVALID' });
    await expect(verify(await nitro.attest(reportData), { roots })).rejects.toMatchObject({ code: 'CERTIFICATE_SIGNATURE_INVALID' });
  });

  it('when its run-time events are not those measured', async () => {
    const attestation = await tdx.attest(reportData);
    const runtimeEvents = attestation.stack.runtimeEvents.slice(0, -1);
    await expect(verify({ ...attestation, stack: { ...attestation.stack, runtimeEvents } })).rejects.toMatchObject({ code: 'RTMR3_MISMATCH' });
  });

  it('when its report data is not that quoted', async () => {
    const other = new Uint8Array(64).fill(1);
    const [quoted, document] = [await tdx.attest(reportData), await nitro.attest(reportData)];
    await expect(verify({ ...quoted, stack: { ...quoted.stack, reportData: other } })).rejects.toMatchObject({ code: 'REPORT_DATA_MISMATCH' });
    await expect(verify({ ...document, stack: { ...document.stack, reportData: other } })).rejects.toMatchObject({ code: 'NSM_USER_DATA_MISMATCH' });
  });

  it('when its TCB is revoked', async () => {
    const { collateral } = createDevelopmentTdx({ ...options, tcb: { status: 'Revoked', advisoryIds: [], revoked: null } });
    await expect(verify(await tdx.attest(reportData), { collateral })).rejects.toMatchObject({ code: 'TCB_REVOKED' });
  });

  it('when it is a debug domain', async () => {
    const debug = createDevelopmentTdx({ ...options, tdAttributes: Uint8Array.of(1, 0, 0, 0x10, 0, 0, 0, 0) });
    await expect(verify(await debug.attest(reportData))).rejects.toMatchObject({ name: 'AppraisalError', code: 'DEBUG_MODE' });
  });
});

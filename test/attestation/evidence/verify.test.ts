import { readdirSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { appraise } from '../../../src/attestation/appraisal/appraise.js';
import { STRICT_POLICY } from '../../../src/attestation/appraisal/policy.js';
import type { CollateralGetter } from '../../../src/attestation/collateral.js';
import type { Attestation, TdxEvent } from '../../../src/attestation/evidence/attestation.js';
import { createAttestationVerifier } from '../../../src/attestation/evidence/attestation-verifier.js';
import { bootInfo, bootInfoJson } from '../../../src/attestation/evidence/boot-info.js';
import { appInfo, unverifiedAppInfo } from '../../../src/attestation/evidence/measurements.js';
import { verifyAttestation } from '../../../src/attestation/evidence/verify.js';
import { VerifierCache } from '../../../src/attestation/evidence/verifier-cache.js';
import { eventPreimage } from '../../../src/attestation/event-log/runtime-event.js';
import { vendorRoots } from '../../../src/attestation/roots/vendor-roots.js';
import { decodeAttestation } from '../../../src/attestation/wire/decode.js';
import { REPORT_DATA_TAG, taggedReportData } from '../../../src/crypto/report-data.js';
import { CollateralError } from '../../../src/errors/collateral-error.js';
import { hex, vector, vectorJson } from '../vectors.js';
import { evidenceCertificates, evidenceCollateral, evidenceIndex, evidenceRoots, indexed } from './evidence-index.js';

const { made_at: madeAt, cases } = evidenceIndex;
const options = { now: madeAt, roots: evidenceRoots, collateral: evidenceCollateral(), certificates: evidenceCertificates(), cache: new VerifierCache() };

const read = (file: string): Attestation => decodeAttestation(vector(`evidence/${file}`));
const refusal = (name: string, code: string) => expect.objectContaining({ name, code });
const verification = (code: string) => refusal('VerificationError', code);

/** Files of a case: the full form, and the stripped one where there is one. */
function forms(file: string): string[] {
  return /^(tdx|gcp)/.test(file) ? [file, file.replace('.bin', '.stripped.bin')] : [file];
}

describe('recorded evidence (evidence/index.json)', () => {
  const files = cases.flatMap((entry) => forms(entry.file).map((file) => ({ ...entry, file })));

  it.each(files.filter(({ expected }) => expected === 'accepted'))('$file is accepted, identity and both views as recorded', async ({ file, app_info: runtime, app_info_boottime: boot }) => {
    const verified = await verifyAttestation(read(file), options);
    appraise(verified, STRICT_POLICY);
    expect(hex(verified.reportData)).toBe(evidenceIndex.report_data);
    expect(verified.validUntil).toBeGreaterThan(madeAt);
    if (runtime !== undefined) expect(indexed(appInfo(verified, { view: 'runtime' }))).toEqual(runtime);
    if (boot !== undefined) expect(indexed(appInfo(verified, { view: 'boot-time' }))).toEqual(boot);
  });

  const notGenuine: [string, unknown][] = [
    ['tdx-rtmr3-mismatch.bin', verification('RTMR3_MISMATCH')],
    ['tdx-rtmr3-mismatch.stripped.bin', verification('RTMR3_MISMATCH')],
    ['tdx-report-data-mismatch.bin', verification('REPORT_DATA_MISMATCH')],
    ['tdx-report-data-mismatch.stripped.bin', verification('REPORT_DATA_MISMATCH')],
    ['tdx-body-bit-flipped.bin', verification('QUOTE_SIGNATURE_INVALID')],
    ['tdx-body-bit-flipped.stripped.bin', verification('QUOTE_SIGNATURE_INVALID')],
    ...['.bin', '.stripped.bin'].flatMap((form): [string, unknown][] => [
      [`gcp-tdx-vtpm-of-another-quote${form}`, verification('TPM_QUALIFYING_DATA_MISMATCH')],
      [`gcp-tdx-pcr14-mismatch${form}`, verification('TPM_PCR14_MISMATCH')],
      [`gcp-tdx-pcr-value-changed${form}`, verification('TPM_PCR_DIGEST_MISMATCH')],
      [`gcp-tdx-event-log-short${form}`, verification('TPM_EVENT_LOG_MISMATCH')],
    ]),
    ['nitro-no-user-data.bin', verification('NSM_USER_DATA_MISSING')],
    ['nitro-user-data-mismatch.bin', verification('NSM_USER_DATA_MISMATCH')],
    ['sev-snp-host-data-mismatch.bin', verification('SNP_HOST_DATA_MISMATCH')],
  ];
  const notAcceptable: [string, string][] = [
    ['nitro-debug.bin', 'DEBUG_MODE'],
    ['nitro-image-hash-mismatch.bin', 'IMAGE_HASH_MISMATCH'],
  ];

  it.each(notGenuine)('%s is not genuine', async (file, error) => {
    await expect(verifyAttestation(read(file), options)).rejects.toEqual(error);
  });

  it.each(notAcceptable)('%s is genuine but not acceptable', async (file, code) => {
    const verified = await verifyAttestation(read(file), options);
    const entry = cases.find((candidate) => candidate.file === file);
    expect(indexed(appInfo(verified, { view: 'runtime' }))).toEqual(entry?.app_info);
    expect(() => appraise(verified, STRICT_POLICY)).toThrow(refusal('AppraisalError', code));
  });

  it('leaves out no case of the index and no file of evidence', () => {
    const refused = files.filter(({ expected }) => expected === 'refused').map(({ file }) => file);
    expect([...notGenuine, ...notAcceptable].map(([file]) => file).sort()).toEqual(refused.sort());
    expect(files.map(({ file }) => file).sort()).toEqual(readdirSync(new URL('../../vectors/evidence/', import.meta.url)).filter((name) => name.endsWith('.bin')).sort());
    expect({ cases: cases.length, files: files.length, refused: refused.length }).toEqual({ cases: 19, files: 31, refused: 19 });
  });

  it.each(['tdx.bin', 'gcp-tdx.bin', 'nitro.bin', 'sev-snp.bin'])('%s is refused under the vendor roots', async (file) => {
    await expect(verifyAttestation(read(file), { ...options, roots: vendorRoots() })).rejects.toMatchObject({ name: 'VerificationError' });
  });
});

describe('BootInfo (kms/boot-info.json)', () => {
  const recorded = vectorJson<{ evidence: string; form?: string; request?: { vm_config: string }; webhook?: { body: object }[] }[]>('kms/boot-info.json');
  const bound = recorded.filter(({ evidence, webhook }) => /^(tdx|gcp|nitro)/.test(evidence ?? '') && webhook?.length === 1);

  it.each(bound)('$evidence $form equals what the policy webhook was sent', async ({ evidence, form, request, webhook }) => {
    const verified = await verifyAttestation(read(`${evidence}${form === 'stripped' ? '.stripped' : ''}.bin`), options);
    const info = bootInfo(verified, { view: 'runtime', config: request?.vm_config ?? '' });
    expect(JSON.stringify(info)).toBe(JSON.stringify(webhook?.[0]?.body));
    expect(bootInfoJson(info)).toEqual({ ...info, attestationMode: info.teeVariant });
  });

  it('has cases to check', () => {
    expect(bound.length).toBeGreaterThanOrEqual(5);
  });

  it('needs an app id of 20 bytes', async () => {
    const attestation = read('nitro.bin');
    const verified = await verifyAttestation({ ...attestation, stack: { ...attestation.stack, runtimeEvents: [] } }, options);
    expect(() => bootInfo(verified, { view: 'runtime' })).toThrow(verification('APP_ID_INVALID'));
  });
});

describe('V2 events: what is missing is derived, what is there must be right', () => {
  const attestation = read('tdx-events-v2.bin');
  const change = (edit: (event: TdxEvent) => TdxEvent): Attestation => {
    const { platform } = attestation;
    if (platform.kind !== 'tdx') throw new Error('not TDX');
    return { ...attestation, platform: { ...platform, eventLog: platform.eventLog.map((event, i) => (i === 1 ? edit(event) : event)) } };
  };

  it.each<[string, (event: TdxEvent) => TdxEvent]>([
    ['without digest', (event) => ({ ...event, digest: new Uint8Array() })],
    ['without preimage', (event) => ({ ...event, preimage: null })],
    ['without either', (event) => ({ ...event, digest: new Uint8Array(), preimage: null })],
    ['with the preimage in capitals', (event) => ({ ...event, preimage: event.preimage?.toUpperCase() ?? null })],
  ])('accepted %s', async (_, edit) => {
    await expect(verifyAttestation(change(edit), options)).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
  });

  it.each<[string, (event: TdxEvent) => TdxEvent]>([
    ['another digest', (event) => ({ ...event, digest: new Uint8Array(48) })],
    ['a preimage that is not hex', (event) => ({ ...event, preimage: 'zz' })],
    ['an empty preimage', (event) => ({ ...event, preimage: '' })],
    ['the preimage of another event', (event) => ({ ...event, preimage: hex(eventPreimage({ event: 'x', payload: new Uint8Array(), version: 2 })) })],
  ])('refused with %s', async (_, edit) => {
    await expect(verifyAttestation(change(edit), options)).rejects.toEqual(verification('EVENT_DIGEST_MISMATCH'));
  });
});

describe('pods', () => {
  it('report data must stand for the payload, and are checked before the platform', async () => {
    const pod = (payload: string): Attestation => ({
      wire: 'v1',
      platform: { kind: 'aws-nitro-tpm', attestationDoc: new Uint8Array() },
      stack: { kind: 'dstack-pod', reportData: taggedReportData(REPORT_DATA_TAG.appData, Buffer.from('p')), runtimeEvents: [], config: '', reportDataPayload: payload },
    });
    await expect(verifyAttestation(pod('q'), options)).rejects.toEqual(verification('REPORT_DATA_MISMATCH'));
    await expect(verifyAttestation(pod('p'), options)).rejects.toEqual(refusal('AppraisalError', 'PLATFORM_NOT_SUPPORTED'));
  });
});

describe('measurements of unverified evidence (spec/attestation.md section 5.1)', () => {
  it('the recorded agent attestation, both views, device unknown', () => {
    const attestation = decodeAttestation(vector('guest-agent/attestation.bin'));
    expect(indexed(unverifiedAppInfo(attestation, { view: 'runtime' }))).toMatchObject({
      app_id: '5bb4ff9a3837357f19dc176407a5709c62eb6c56',
      compose_hash: 'c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a',
      instance_id: '1691ed1b47506cad7d08834668691d88246f5b1f',
      device_id: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      mr_system: '51ea38f8eee6dc72dbae9b74531ae6d6204295d265dabb4e6c34621a2a1a1197',
      mr_aggregated: '85334a62c97d0f8bf82d0245d31b539d17a2d7c258e2a13efc928aaea0e107cb',
      os_image_hash: '',
      init_script_hashes: [],
    });
    expect(indexed(unverifiedAppInfo(attestation, { view: 'boot-time' }))).toMatchObject({
      mr_system: 'ef6af583432288c877e412740aa7d8a844a18920ad98e9b1d95d42a07a3044c8',
      mr_aggregated: '787f9fe525fcb61e81f31a30225a86674412088f2f1b683a421a7e9cbcd40551',
      key_provider_info: '',
    });
  });

  it('V1 looks into an embedded system configuration, V0 does not (trap T7)', () => {
    const attestation = decodeAttestation(vector('guest-agent/attestation.bin'));
    const info = unverifiedAppInfo({ ...attestation, wire: 'v1' }, { view: 'runtime' });
    expect(hex(info.osImageHash)).toBe('e61be43dd1cc6a6f5edefd7c51b608983780839b0000ce60dd99737dcffe09b9');
  });

  it('the recorded Nitro attestation', () => {
    const image = '1894b0b29e94a9db16e88a2914f0923e52bb16c08bf3bb484df786a147e2eb79';
    expect(indexed(unverifiedAppInfo(decodeAttestation(vector('nitro/versioned-v0-app.bin')), { view: 'runtime' }))).toEqual({
      app_id: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4',
      compose_hash: image,
      instance_id: '',
      device_id: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      mr_system: image,
      mr_aggregated: image,
      os_image_hash: image,
      key_provider_info: '',
      init_script_hashes: [],
    });
  });

  it('SEV-SNP: as verified, the device included, which the report names itself', () => {
    const { app_info: runtime, app_info_boottime: boot } = cases.find(({ file }) => file === 'sev-snp.bin') ?? {};
    expect(indexed(unverifiedAppInfo(read('sev-snp.bin'), { view: 'runtime' }))).toEqual(runtime);
    expect(indexed(unverifiedAppInfo(read('sev-snp.bin'), { view: 'boot-time' }))).toEqual(boot);
  });

  it.each([
    [{ os_image_hash: '01'.repeat(32), vm_config: '{"os_image_hash":""}' }, '01'.repeat(32)],
    [{ vm_config: JSON.stringify({ os_image_hash: '02'.repeat(32) }) }, '02'.repeat(32)],
    [{ vm_config: { os_image_hash: '02'.repeat(32) } }, ''],
    [{}, ''],
  ])('SEV-SNP: the image is looked for outside first, then in an embedded configuration (%j)', (config, image) => {
    expect(hex(unverifiedAppInfo(read('sev-snp.bin'), { view: 'runtime', config: JSON.stringify(config) }).osImageHash)).toBe(image);
  });

  it('NitroTPM has none', () => {
    const attestation: Attestation = { ...read('sev-snp.bin'), platform: { kind: 'aws-nitro-tpm', attestationDoc: new Uint8Array() } };
    expect(() => unverifiedAppInfo(attestation, { view: 'runtime' })).toThrow(refusal('AppraisalError', 'PLATFORM_NOT_SUPPORTED'));
  });

  it('a configuration given replaces the embedded one', () => {
    const attestation = read('tdx.bin');
    const config = JSON.stringify({ os_image_hash: 'AB'.repeat(32) });
    expect(hex(unverifiedAppInfo(attestation, { view: 'runtime', config }).osImageHash)).toBe('ab'.repeat(32));
    expect(hex(unverifiedAppInfo(attestation, { view: 'runtime', config: '{}' }).osImageHash)).toBe('');
  });

  it.each(['x', '[]', 'null', '{"os_image_hash":1}', '{"os_image_hash":"zz"}', '{"os_image_hash":"0505"}'])('refuses the configuration %s', (config) => {
    expect(() => unverifiedAppInfo(read('tdx.bin'), { view: 'runtime', config })).toThrow(verification('VM_CONFIG_MALFORMED'));
  });
});

describe('createAttestationVerifier', () => {
  const attestation = read('tdx.bin');
  let now = madeAt;
  let asked = 0;
  const collateral: CollateralGetter = {
    getCollateral: async (request) => {
      asked++;
      return evidenceCollateral().getCollateral(request);
    },
  };
  const verifier = createAttestationVerifier({ roots: evidenceRoots, collateral, clock: () => now });
  beforeEach(() => {
    now = madeAt;
  });

  it('judges at the time of its clock, cached collateral or not', async () => {
    const { validUntil } = await verifier.verify(attestation);
    now = validUntil;
    await expect(verifier.verify(attestation)).resolves.toMatchObject({ verifiedAt: validUntil });
    now = validUntil + 1;
    await expect(verifier.verify(attestation)).rejects.toMatchObject({ name: 'VerificationError' });
    now = madeAt - 366 * 86_400;
    await expect(verifier.verify(attestation)).rejects.toMatchObject({ name: 'VerificationError' });
    expect(asked).toBe(4);
  });

  it('tampered evidence does not profit from a cached verdict', async () => {
    await verifier.verify(attestation);
    await expect(verifier.verify(read('tdx-body-bit-flipped.bin'))).rejects.toEqual(verification('QUOTE_SIGNATURE_INVALID'));
  });

  it('collateral that changed is checked anew', async () => {
    const cache = new VerifierCache();
    await verifyAttestation(attestation, { ...options, cache });
    const forged: CollateralGetter = {
      getCollateral: async (request) => {
        const honest = await evidenceCollateral().getCollateral(request);
        return { ...honest, tcbInfo: honest.tcbInfo.replace('UpToDate', 'UpToDatE') };
      },
    };
    await expect(verifyAttestation(attestation, { ...options, cache, collateral: forged })).rejects.toMatchObject({ name: 'VerificationError' });
  });

  it('one cache serves verifiers of different roots without mixing them up', async () => {
    const cache = new VerifierCache();
    await verifyAttestation(attestation, { ...options, cache });
    await expect(verifyAttestation(attestation, { ...options, cache, roots: vendorRoots() })).rejects.toMatchObject({ name: 'VerificationError' });
  });

  it('collateral that cannot be had is not a verdict about the evidence', async () => {
    const none: CollateralGetter = { getCollateral: async () => Promise.reject(new CollateralError('COLLATERAL_UNAVAILABLE', 'down')) };
    await expect(verifyAttestation(attestation, { ...options, collateral: none })).rejects.toEqual(refusal('CollateralError', 'COLLATERAL_UNAVAILABLE'));
  });
});

it('real Nitro documents of production verify at their time', async () => {
  const roots = vendorRoots();
  for (const [file, now] of [['app', 1_766_678_659.346], ['2', 1_766_668_537.578]] as const) {
    const verified = await verifyAttestation(decodeAttestation(vector(`nitro/versioned-v0-${file}.bin`)), { ...options, roots, now });
    appraise(verified, STRICT_POLICY);
    expect(hex(appInfo(verified, { view: 'runtime' }).deviceId)).toBe('de7d1b721a1e0632b7cf04edf5032c8ecffa9f9a08492152b926f1a5a7e765d7');
    expect(verified.tcbStatus).toBe('');
  }
  const debug = await verifyAttestation(decodeAttestation(vector('nitro/versioned-v0-debug.bin')), { ...options, roots, now: 1_766_650_846.577 });
  expect(() => appraise(debug, STRICT_POLICY)).toThrow(refusal('AppraisalError', 'DEBUG_MODE'));
  expect(() => appraise(debug, { ...STRICT_POLICY, insecureAllowDebug: true })).not.toThrow();
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { VerifiedAttestation } from '../../src/attestation/evidence/verified.js';
import { verifyAttestation } from '../../src/attestation/evidence/verify.js';
import { VerifierCache } from '../../src/attestation/evidence/verifier-cache.js';
import { decodeAttestation } from '../../src/attestation/wire/decode.js';
import type { ImageRules, SnpLaunch, TdxLaunch } from '../../src/kms/known-images.js';
import { verifyImage } from '../../src/kms/verify-image.js';
import { evidenceCertificates, evidenceCollateral, evidenceIndex, evidenceRoots } from '../attestation/evidence/evidence-index.js';
import { hex, vector } from '../attestation/vectors.js';

const GOOGLE = '0cca9ec161b09288802e5a112255d21340ed5b797f5fe29cecccfd8f67b9f802';
/** Third event of PCR 2 in the recorded firmware log (spec/attestation.md section 2.5). */
const UKI = '9ab14a46f858662a89adc102d2a57a13f52f75c1769d65a4c34edbbfc8855f0f';
const HASH = '05'.repeat(32);

async function verified(file: string): Promise<VerifiedAttestation> {
  const options = { now: evidenceIndex.made_at, roots: evidenceRoots, collateral: evidenceCollateral(), certificates: evidenceCertificates(), cache: new VerifierCache() };
  return verifyAttestation(decodeAttestation(vector(`evidence/${file}`)), options);
}

const [tdx, gcp, nitro, snp] = await Promise.all(['tdx.bin', 'gcp-tdx.stripped.bin', 'nitro.bin', 'sev-snp.bin'].map(verified)) as [VerifiedAttestation, VerifiedAttestation, VerifiedAttestation, VerifiedAttestation];
const knowing = (launches: readonly (TdxLaunch | SnpLaunch)[], gcpFirmware: readonly string[] = [GOOGLE]): ImageRules => ({
  known: { launchMeasurements: (hash) => (hash === HASH ? launches : []) },
  gcpFirmware,
});
const refusal = (code: string) => expect.objectContaining({ name: 'AppraisalError', code, message: 'Failed to verify os image hash' });
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

const PLAIN_LIST = (hash: string): string => `${'00'.repeat(32)}  disk.raw\n${hash}  measurement.gcp.cbor\n`;

/** An image document as a build writes it: `measurement.gcp.cbor`, and the list of checksums whose hash names the image. */
function gcpImage({ uki = UKI, cbor, list = PLAIN_LIST }: { uki?: string; cbor?: string; list?: (hash: string) => string } = {}) {
  const measurement = Buffer.from(cbor ?? `a26776657273696f6e0168756b695f617574685820${uki}`, 'hex');
  const checksums = list(sha256(measurement));
  const document = { checksum_file: Buffer.from(checksums).toString('base64'), measurement: measurement.toString('base64') };
  return { hash: sha256(checksums), document, vmConfig: JSON.stringify({ gcp_measurement: document }) };
}

describe('plain TDX and SEV-SNP: launch measurements registered for the image', () => {
  const registersOf = ({ platform }: VerifiedAttestation): TdxLaunch => {
    if (platform.kind !== 'tdx') throw new Error('not TDX');
    const [rtmr0, rtmr1, rtmr2] = platform.report.rtmrs.map(hex) as [string, string, string];
    return { mrtd: hex(platform.report.mrTd), rtmr0, rtmr1, rtmr2 };
  };
  const digestOf = ({ platform }: VerifiedAttestation): SnpLaunch => {
    if (platform.kind !== 'sev-snp') throw new Error('not SEV-SNP');
    return { measurement: hex(platform.report.measurement) };
  };
  const image = { hash: HASH, vmConfig: '' };

  it('accepts those listed, among others', () => {
    const rules = knowing([digestOf(snp), { ...registersOf(tdx), rtmr2: '00'.repeat(48) }, registersOf(tdx), { measurement: '00'.repeat(48) }]);
    expect(() => verifyImage(tdx, image, rules)).not.toThrow();
    expect(() => verifyImage(snp, image, rules)).not.toThrow();
  });

  it.each(['mrtd', 'rtmr0', 'rtmr1', 'rtmr2'] as const)('every register counts: %s', (register) => {
    expect(() => verifyImage(tdx, image, knowing([{ ...registersOf(tdx), [register]: '00'.repeat(48) }]))).toThrow(refusal('IMAGE_HASH_MISMATCH'));
  });

  it('refuses another launch digest, and an image that is listed for the other platform only', () => {
    expect(() => verifyImage(snp, image, knowing([{ measurement: '00'.repeat(48) }]))).toThrow(refusal('IMAGE_HASH_MISMATCH'));
    expect(() => verifyImage(snp, image, knowing([registersOf(tdx)]))).toThrow(refusal('IMAGE_NOT_VERIFIABLE'));
    expect(() => verifyImage(tdx, image, knowing([digestOf(snp)]))).toThrow(refusal('IMAGE_NOT_VERIFIABLE'));
  });

  it.each([['tdx', tdx], ['gcp-tdx', gcp], ['sev-snp', snp]])('refuses %s that names no image', (_, attested) => {
    expect(() => verifyImage(attested, { hash: '', vmConfig: '' }, knowing([]))).toThrow(refusal('IMAGE_NOT_VERIFIABLE'));
  });
});

describe('GCP: firmware and kernel image in the vTPM', () => {
  const judge = (image: { hash: string; vmConfig: string }, firmware?: string[]) => () => verifyImage(gcp, image, knowing([], firmware));

  it('accepts the kernel image that the document of the image names', () => {
    expect(judge(gcpImage())).not.toThrow();
    expect(judge(gcpImage({ list: (hash) => `${hash.toUpperCase()}\tmeasurement.gcp.cbor  \r\n` }))).not.toThrow();
  });

  it('accepts only firmware that is configured', () => {
    expect(judge(gcpImage(), ['00'.repeat(32), GOOGLE])).not.toThrow();
    expect(judge(gcpImage(), ['00'.repeat(32)])).toThrow(refusal('IMAGE_HASH_MISMATCH'));
  });

  it.each<[string, { hash: string; vmConfig: string }]>([
    ['another kernel image', gcpImage({ uki: '00'.repeat(32) })],
    ['the document of another image', { ...gcpImage(), hash: HASH }],
    ['a measurement the checksum file has another hash for', gcpImage({ list: () => `${'00'.repeat(32)}  measurement.gcp.cbor\n` })],
  ])('refuses %s', (_, image) => {
    expect(judge(image)).toThrow(refusal('IMAGE_HASH_MISMATCH'));
  });

  const { hash, document } = gcpImage();
  const configured = (value: unknown) => ({ hash, vmConfig: JSON.stringify({ gcp_measurement: value }) });
  it.each<[string, { hash: string; vmConfig: string }]>([
    ['no document', { hash, vmConfig: '{}' }],
    ['a document that is text', configured(JSON.stringify(document))],
    ['no measurement', configured({ checksum_file: document.checksum_file })],
    ['a checksum file that is not base64', configured({ ...document, checksum_file: '***' })],
    ['base64 without padding', configured({ ...document, measurement: document.measurement.replace(/=*$/, '').padEnd(3, 'A').slice(0, -1) })],
    ['an endless checksum file', configured({ ...document, checksum_file: 'A'.repeat(90_000) })],
    ['a list without the file', gcpImage({ list: (sum) => `${sum}  measurement.tdx.cbor\n` })],
    ['a list with the file twice', gcpImage({ list: (sum) => `${sum}  measurement.gcp.cbor\n${sum}  measurement.gcp.cbor\n` })],
    ['a list with a hash that is none', gcpImage({ list: () => 'abc  measurement.gcp.cbor\n' })],
    ['another version', gcpImage({ cbor: `a26776657273696f6e0268756b695f617574685820${UKI}` })],
    ['a digest of 31 bytes', gcpImage({ cbor: `a26776657273696f6e0168756b695f61757468581f${UKI.slice(2)}` })],
    ['no map', gcpImage({ cbor: '01' })],
    ['no CBOR', gcpImage({ cbor: 'ff' })],
    ['trailing bytes', gcpImage({ cbor: `a26776657273696f6e0168756b695f617574685820${UKI}00` })],
  ])('cannot verify with %s', (_, image) => {
    expect(judge(image)).toThrow(refusal('IMAGE_NOT_VERIFIABLE'));
  });

  it('cannot verify without an event of the kernel image', () => {
    if (gcp.platform.kind !== 'gcp-tdx') throw new Error('not GCP');
    const { tpm } = gcp.platform;
    const without = { ...gcp, platform: { ...gcp.platform, tpm: { ...tpm, eventLog: tpm.eventLog.filter(({ pcrIndex }) => pcrIndex !== 2) } } };
    expect(() => verifyImage(without, gcpImage(), knowing([]))).toThrow(refusal('IMAGE_NOT_VERIFIABLE'));
  });

  it('a configuration that cannot be read is no verdict about the image', () => {
    expect(judge({ hash, vmConfig: 'x' })).toThrow(expect.objectContaining({ name: 'VerificationError', code: 'VM_CONFIG_MALFORMED' }));
  });
});

it('a Nitro Enclave has been judged by then', () => {
  expect(() => verifyImage(nitro, { hash: '', vmConfig: '' }, knowing([]))).not.toThrow();
});

import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { identityOf, recordedConfig, recordedKeyDirectory, type RunningKms, startKms, vectorText } from './support/recorded-kms.js';
import { TlsClient } from './support/tls-client.js';

interface RecordedCase {
  readonly evidence: string;
  readonly client_pem: string;
}

const recorded = JSON.parse(vectorText('kms/boot-info.json')) as RecordedCase[];
const HASH = '05'.repeat(32);
/** SEV-SNP launch digest of the recorded report. */
const MEASUREMENT = '44'.repeat(48);

const images = join(mkdtempSync(join(tmpdir(), 'images-')), 'images.json');
let kms: RunningKms;
beforeAll(async () => {
  writeFileSync(images, '{}');
  kms = await startKms(recordedConfig(recordedKeyDirectory(), { image: { verify: true, known_measurements: images }, sev_snp_key_release: true }));
});
afterAll(() => kms.app.stop(500));

async function getAppKey(evidence: string, vmConfig = ''): Promise<{ status: number; body: Record<string, unknown> }> {
  const pem = recorded.find((entry) => entry.evidence === evidence)?.client_pem ?? '';
  const client = new TlsClient(kms.port, identityOf(pem));
  const answer = await client.call('GetAppKey', { api_version: 1, vm_config: vmConfig });
  client.close();
  return { status: answer.status, body: answer.json() };
}

/** The text begins as in the existing KMS (spec/kms.md section 21). */
const REFUSAL = { status: 400, body: { error: expect.stringMatching(/^App not allowed: Failed to verify os image hash: Failed to verify os image hash: ./), code: 'UNAUTHORIZED' } };

describe('OS images of callers, over RA-TLS', () => {
  it('on GCP: the document of the image is held against what the vTPM measured', async () => {
    const measurement = Buffer.from('a26776657273696f6e0168756b695f6175746858209ab14a46f858662a89adc102d2a57a13f52f75c1769d65a4c34edbbfc8855f0f', 'hex');
    const checksums = `${createHash('sha256').update(measurement).digest('hex')}  measurement.gcp.cbor\n`;
    const document = { checksum_file: Buffer.from(checksums).toString('base64'), measurement: measurement.toString('base64') };
    const image = createHash('sha256').update(checksums).digest('hex');
    const answer = await getAppKey('gcp-tdx', JSON.stringify({ os_image_hash: image, gcp_measurement: document }));
    expect(answer).toMatchObject({ status: 200, body: { os_image_hash: image } });
    expect(await getAppKey('gcp-tdx', JSON.stringify({ os_image_hash: HASH, gcp_measurement: document }))).toEqual(REFUSAL);
    expect(await getAppKey('gcp-tdx')).toEqual(REFUSAL);
  });

  it('on SEV-SNP: the launch digest must be listed for the image, from the moment it is', async () => {
    expect(await getAppKey('sev-snp')).toEqual(REFUSAL);
    writeFileSync(images, JSON.stringify({ [`0x${HASH}`]: [{ mrtd: '00'.repeat(48), rtmr0: '00'.repeat(48), rtmr1: '00'.repeat(48), rtmr2: '00'.repeat(48) }, { measurement: '22'.repeat(48) }] }));
    expect(await getAppKey('sev-snp')).toEqual(REFUSAL);
    writeFileSync(images, JSON.stringify({ [HASH.toUpperCase()]: [{ measurement: MEASUREMENT }, { measurement: '22'.repeat(48) }] }));
    expect(await getAppKey('sev-snp')).toMatchObject({ status: 200, body: { os_image_hash: HASH } });
  });

  it('a list that cannot be read releases nothing', async () => {
    writeFileSync(images, JSON.stringify({ [HASH]: [{ measurement: MEASUREMENT, mrtd: MEASUREMENT }] }));
    expect(await getAppKey('sev-snp')).toMatchObject({ status: 400 });
    expect(await getAppKey('tdx')).toMatchObject({ status: 400 });
  });
});

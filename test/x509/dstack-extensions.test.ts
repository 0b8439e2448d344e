import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { P256Key } from '../../src/crypto/p256.js';
import { octetString } from '../../src/crypto/der-write.js';
import { VerificationError } from '../../src/errors/verification-error.js';
import { decodeAppInfo, encodeAppInfo } from '../../src/x509/app-info-extension.js';
import type { CertificateAppInfo } from '../../src/x509/app-info-extension.js';
import { buildCertificate } from '../../src/x509/build.js';
import { parseCertificate } from '../../src/x509/certificate.js';
import type { Certificate } from '../../src/x509/certificate.js';
import { issuerOf } from '../../src/x509/certificate-authority.js';
import { dstackExtensions, readAppId, readAppInfo, readEvidence, readSpecialUsage } from '../../src/x509/dstack-extensions.js';
import { extensionDer } from '../../src/x509/standard-extensions.js';
import type { ExtensionToWrite } from '../../src/x509/standard-extensions.js';
import { ascii, fill, hex, thrownBy, toHex } from '../crypto/bytes.js';
import { certificateOf, recordedSignCerts } from './recorded-kms.js';

const INFO: CertificateAppInfo = {
  appId: fill(20, 1),
  composeHash: fill(32, 2),
  instanceId: fill(20, 3),
  deviceId: fill(32, 4),
  mrSystem: fill(32, 5),
  mrAggregated: fill(32, 6),
  osImageHash: fill(32, 7),
  keyProviderInfo: ascii('{}'),
  initScriptHashes: null,
};
// spec/attestation.md section 9.2.
const EIGHT = `c414${'01'.repeat(20)}c420${'02'.repeat(32)}c414${'03'.repeat(20)}c420${'04'.repeat(32)}c420${'05'.repeat(32)}c420${'06'.repeat(32)}c420${'07'.repeat(32)}c4027b7d`;

const refused = (run: () => unknown): void => expect(thrownBy(run)).toMatchObject({ constructor: VerificationError, code: 'EXTENSION_MALFORMED' });

function certificateWith(extensions: readonly ExtensionToWrite[]): Certificate {
  const key = new P256Key(fill(32, 8));
  const { nameDer, signer } = issuerOf({ organization: null, commonName: 'x' }, key);
  return parseCertificate(buildCertificate({ serial: hex('01'), issuer: nameDer, subject: nameDer, notBefore: 0, notAfter: 1, spki: key.spki, extensions, signer }));
}

const extension = (last: number, value: Uint8Array): ExtensionToWrite => ({ oid: `1.3.6.1.4.1.62397.1.${last}`, critical: false, value });

describe('app info', () => {
  it('is the array of nine of the specification', () => {
    expect(toHex(encodeAppInfo(INFO))).toBe(`99${EIGHT}c0`);
    expect(decodeAppInfo(hex(`99${EIGHT}c0`))).toEqual(INFO);
    const bound = { ...INFO, initScriptHashes: [fill(32, 8), fill(32, 9)], keyProviderInfo: fill(300, 1) };
    expect(toHex(encodeAppInfo(bound))).toContain(`c5012c${'01'.repeat(300)}92c420${'08'.repeat(32)}c420${'09'.repeat(32)}`);
    expect(decodeAppInfo(encodeAppInfo(bound))).toEqual(bound);
  });

  it('may be the older array of eight, a longer header, or a map in any order', () => {
    expect(decodeAppInfo(hex(`98${EIGHT}`))).toEqual(INFO);
    expect(decodeAppInfo(hex(`dc0009${EIGHT}90`))).toEqual({ ...INFO, initScriptHashes: [] });
    const names = ['app_id', 'compose_hash', 'instance_id', 'device_id', 'mr_system', 'mr_aggregated', 'os_image_hash', 'key_provider_info'];
    const values = [20, 32, 20, 32, 32, 32, 32].map((length, i) => `c4${length.toString(16).padStart(2, '0')}${toHex(fill(length, i + 1))}`).concat('c4027b7d');
    const pairs = names.map((name, i) => `${(0xa0 + name.length).toString(16)}${toHex(ascii(name))}${values[i] ?? ''}`);
    expect(decodeAppInfo(hex(`88${pairs.toReversed().join('')}`))).toEqual(INFO);
    expect(decodeAppInfo(hex(`89${pairs.join('')}b2${toHex(ascii('init_script_hashes'))}c0`))).toEqual(INFO);
    refused(() => decodeAppInfo(hex(`89${pairs.join('')}${pairs[0] ?? ''}`)));
    refused(() => decodeAppInfo(hex(`89${pairs.join('')}a1${toHex(ascii('x'))}c0`)));
    refused(() => decodeAppInfo(hex(`87${pairs.slice(1).join('')}`)));
  });

  it.each([
    '',
    'c0',
    `97${EIGHT.slice(0, EIGHT.length - 8)}`,
    `9a${EIGHT}c0c0`,
    `99${EIGHT}c000`,
    `99${EIGHT}`,
    `98${EIGHT.replace('c42005', 'c4fe05')}`,
    `98${EIGHT.replace(`c420${'05'.repeat(32)}`, 'c400')}`,
    `99${EIGHT}96${`c420${'00'.repeat(32)}`.repeat(6)}`,
    `99${EIGHT}91c400`,
    'ddffffffff',
    'dfffffffff',
    `99${EIGHT}ddffffffff`,
  ])('is refused when it is something else (%#)', (bytes) => {
    refused(() => decodeAppInfo(hex(bytes)));
  });

  it('is bounded', () => {
    refused(() => decodeAppInfo(fill((1 << 16) + 1, 0x98)));
    expect(() => encodeAppInfo({ ...INFO, keyProviderInfo: fill(1 << 16, 0) })).toThrow(RangeError);
  });

  it('is read or refused, whatever the bytes', () => {
    const good = encodeAppInfo({ ...INFO, initScriptHashes: [fill(32, 1)] });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const changed = good.slice();
        changed[at] = byte;
        try {
          decodeAppInfo(changed);
        } catch (error) {
          expect(error).toMatchObject({ constructor: VerificationError, code: 'EXTENSION_MALFORMED' });
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('in a certificate an existing KMS issued reads, and writes back to the same bytes', () => {
    const leaf = certificateOf(recordedSignCerts.find((call) => call.case === 'sign cert: all')?.answer.certificate_chain?.[0] ?? '');
    const info = readAppInfo(leaf);
    expect(info).not.toBeNull();
    if (info === null) return;
    expect(toHex(info.appId)).toBe('5bb4ff9a3837357f19dc176407a5709c62eb6c56');
    expect(toHex(info.deviceId)).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(toHex(octetString(encodeAppInfo(info)))).toBe(toHex(leaf.extensions.get('1.3.6.1.4.1.62397.1.9')?.value ?? hex('')));
  });
});

describe('extensions of a certificate', () => {
  it('are written in their order, each an octet string in an octet string', () => {
    const written = dstackExtensions({ appId: fill(20, 1), appInfo: INFO, specialUsage: 'kms:rpc', attestation: hex('00') });
    expect(written.map(({ oid, critical }) => [oid.split('.').at(-1), critical])).toEqual([
      ['3', false],
      ['9', false],
      ['4', false],
      ['8', false],
    ]);
    // spec/attestation.md section 9.1.
    expect(toHex(extensionDer(written[2] ?? extension(0, hex(''))))).toBe('3017060a2b0601040183e73d0104040904076b6d733a727063');
    const certificate = certificateWith(written);
    expect(readAppId(certificate)).toEqual(fill(20, 1));
    expect(readAppInfo(certificate)).toEqual(INFO);
    expect(readSpecialUsage(certificate)).toBe('kms:rpc');
    expect(readEvidence(certificate)).toEqual({ kind: 'versioned', attestation: hex('00') });
  });

  it('may all be absent', () => {
    const certificate = certificateWith([]);
    expect([readAppId(certificate), readAppInfo(certificate), readSpecialUsage(certificate), readEvidence(certificate)]).toEqual([null, null, null, null]);
  });

  it('may be the older pair, which the versioned attestation wins over', () => {
    const legacy = [extension(1, octetString(hex('0102'))), extension(2, octetString(ascii('[]')))];
    expect(readEvidence(certificateWith(legacy))).toEqual({ kind: 'legacy-tdx', quote: hex('0102'), eventLog: '[]' });
    expect(readEvidence(certificateWith([...legacy, extension(8, octetString(hex('aa')))]))).toEqual({ kind: 'versioned', attestation: hex('aa') });
    expect(readEvidence(certificateWith(legacy.slice(1)))).toBeNull();
    refused(() => readEvidence(certificateWith(legacy.slice(0, 1))));
    refused(() => readEvidence(certificateWith([extension(1, octetString(hex('0102'))), extension(2, octetString(hex('ff')))])));
  });

  it('are refused when the inner octet string is missing, trailed, or not text', () => {
    refused(() => readAppId(certificateWith([extension(3, fill(20, 1))])));
    refused(() => readAppId(certificateWith([extension(3, Uint8Array.of(...octetString(fill(20, 1)), 0))])));
    refused(() => readSpecialUsage(certificateWith([extension(4, octetString(hex('ff')))])));
    refused(() => readEvidence(certificateWith([extension(8, hex(''))])));
  });
});

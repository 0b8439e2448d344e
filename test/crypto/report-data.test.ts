import { describe, expect, it } from 'vitest';
import { bootstrapReportData, certificateReportData, paddedReportData, rawReportData, taggedReportData } from '../../src/crypto/report-data.js';
import { isReportDataHash } from '../../src/crypto/report-data-hash.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { ascii, fill, hex, thrownBy, toHex } from './bytes.js';
import { KMS } from './kms-vectors.js';

// spec/attestation.md section 4, tag app-data, content "test content".
const DIGESTS = {
  sha256: '278fdb367382d9d10871ebb44498a29d54e705fa8924ce0a6fe8629542fc1a65',
  sha384: '3967015e6798cc3d90f60b0a8dd045856e33273c4118dcdf04cc40a051ef8f3c008c73fb6e89d0af961c91a3a73efc5e',
  sha512: '7ea0b744ed5e9c0c83ff9f575668e1697652cd349f2027cdf26f918d4c53e8cd50b5ea9b449b4c3d50e20ae00ec29688d5a214e8daff8a10041f5d624dae8a01',
  'sha3-256': 'bb98d4376d590cb17968d89250ac8f3d6241c9267d74995121a60766d0a6c665',
  'sha3-384': '9a1bc92ced9fae72a75d0b446894269c15d47c270829e7375f107d920e2e20fc2bba3ae0a514721e44d185f89bea7e78',
  'sha3-512': 'dc18076a2308b0373d2417d85f62d041398a8387894bd7a46afe857a5cc951f77726fbcf9019bcc224fa11ee0784c94035ad3669f607dcc704079faf244dc3ba',
  keccak256: '71d9e489e5d4046e8c1a5ef5137a88d940c77db95de9a5eadcde469c4fc50c29',
  keccak384: '7a3b8109c495156d961a50e283f832b6e493c1d2e485030ff81978e5c7b296ad0a0be7a9db3c6b22ba4bf367d40c0b0f',
  keccak512: 'cdf84b140204fe2ab9fe3951887170ddc9e14715b3e70ec9bed03ea72861d3687a684d4da336ca3154c8c9ae426a5afdd97b5ddef4f50a7d4657854f96b1a3e3',
} as const;

describe('report data', () => {
  it.each(Object.entries(DIGESTS))('%s is left-aligned in 64 bytes', (name, digest) => {
    expect(isReportDataHash(name)).toBe(true);
    if (!isReportDataHash(name)) return;
    expect(toHex(taggedReportData('app-data', ascii('test content'), name))).toBe(digest.padEnd(128, '0'));
  });

  it('hashes with SHA-512 unless told otherwise', () => {
    expect(toHex(taggedReportData('app-data', hex('1234deadbeef')))).toBe('47e7f84b16a9336b087cdadacf435c98dde1487bc159282d52382107e36ff3f0dce0b68905375d1a20fafee58ed745bb2f2f7f304a4590f16d59327889873972');
  });

  it.each(['raw', '', 'SHA256', 'sha1', 'toString', '__proto__'])('%j is not the name of a hash', (name) => {
    expect(isReportDataHash(name)).toBe(false);
  });

  it('binds evidence to a certificate key', () => {
    expect(toHex(certificateReportData(hex(KMS.rootSpki)))).toBe('d224180bddf1a335755b07626fdc80ce18090be1ff37e7d6e1b53e780e27da0d8fafe99fc41e90333fcb51949ae5a1fc95b7820e142e611256ff4a8dc8997506');
  });

  it('binds evidence to the keys of a bootstrap', () => {
    expect(toHex(bootstrapReportData(hex(KMS.rootSpki), hex(KMS.k256Public)))).toBe('d982fad8be6f9e219480dc36df3967dfd8f7739de8a748e588b63f13815bd817'.padEnd(128, '0'));
  });

  it('takes raw data of exactly 64 bytes, and pads what is to be padded', () => {
    expect(rawReportData(fill(64, 7))).toEqual(fill(64, 7));
    expect(toHex(paddedReportData(hex('aabb')))).toBe('aabb'.padEnd(128, '0'));
    expect(paddedReportData(fill(64, 7))).toEqual(fill(64, 7));
    for (const run of [() => rawReportData(fill(63, 0)), () => rawReportData(fill(65, 0)), () => paddedReportData(fill(65, 0))]) {
      expect(thrownBy(run)).toMatchObject({ constructor: ServiceError, code: 'INVALID_ARGUMENT' });
    }
  });
});

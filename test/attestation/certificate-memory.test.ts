import { describe, expect, test } from 'vitest';
import { CertificateMemory } from '../../src/attestation/certificate-memory.js';
import { EKU_SERVER_AUTH, verifyPath } from '../../src/x509/path.js';
import { certificate, extension, testKey } from '../x509/mini-ca.js';

const root = certificate({ subject: 'root', key: testKey('root'), extensions: [extension.ca()] });
const ca = certificate({ subject: 'ca', key: testKey('ca'), issuer: root, extensions: [extension.ca()], notAfter: 2_000_000_000 });
const leaf = certificate({ subject: 'leaf', key: testKey('leaf'), issuer: ca });
const NOW = 1_800_000_000;

function verify(memory: CertificateMemory, changes: { readonly leaf?: Uint8Array; readonly root?: Uint8Array; readonly now?: number } = {}): void {
  const { leaf: der = leaf.der, root: anchor = root.der, now = NOW } = changes;
  verifyPath({ leaf: memory.parse(der), intermediates: [memory.parse(ca.der)], anchor: memory.anchor(anchor), now, extendedKeyUsage: EKU_SERVER_AUTH, revocation: null, memory });
}
const code = (expected: string) => expect.objectContaining({ name: 'VerificationError', code: expected });

describe('remembered certificates', () => {
  test('are the same object once their signature was found good, and not before', () => {
    const memory = new CertificateMemory();
    expect(memory.parse(leaf.der)).not.toBe(memory.parse(leaf.der));
    verify(memory);
    expect(memory.parse(leaf.der)).toBe(memory.parse(leaf.der));
    expect(memory.parse(ca.der)).toBe(memory.parse(ca.der));
  });

  test('do not outlive their validity, nor vouch for another root', () => {
    const memory = new CertificateMemory();
    verify(memory);
    expect(() => verify(memory, { now: 2_000_000_001 })).toThrow(code('CERTIFICATE_EXPIRED'));
    const twin = certificate({ subject: 'root', key: testKey('another root'), extensions: [extension.ca()] });
    expect(() => verify(memory, { root: twin.der })).toThrow(code('CERTIFICATE_SIGNATURE_INVALID'));
    verify(memory);
  });

  test('are told by all of their bytes', () => {
    const memory = new CertificateMemory();
    verify(memory);
    const forged = leaf.der.slice();
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    expect(() => verify(memory, { leaf: forged })).toThrow(code('CERTIFICATE_SIGNATURE_INVALID'));
    expect(memory.parse(forged)).not.toBe(memory.parse(forged));
  });

  test('are not taken for others that end in the same bytes', () => {
    const memory = new CertificateMemory();
    verify(memory);
    for (const [der, find] of [[leaf.der, (other: Uint8Array) => memory.parse(other)], [root.der, (other: Uint8Array) => memory.anchor(other)]] as const) {
      const other = der.slice();
      // A bit of the serial number, which follows the version.
      const at = Buffer.from(other).indexOf(Uint8Array.of(0xa0, 0x03, 0x02, 0x01, 0x02)) + 7;
      other[at] = (other[at] ?? 0) ^ 1;
      expect(Buffer.from(find(other).raw)).toEqual(Buffer.from(other));
    }
  });

  test('do not keep the buffer they came in', () => {
    const memory = new CertificateMemory();
    const document = Buffer.concat([leaf.der, new Uint8Array(60_000)]);
    verify(memory, { leaf: document.subarray(0, leaf.der.length) });
    expect(memory.parse(leaf.der).raw.buffer.byteLength).toBe(leaf.der.length);
  });
});

import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { P256Key } from '../../src/crypto/p256.js';
import { contextConstructed, integer, octetString, sequence } from '../../src/crypto/der-write.js';
import { children, readDer } from '../../src/crypto/der.js';
import { VerificationError } from '../../src/errors/verification-error.js';
import { buildCertificate } from '../../src/x509/build.js';
import type { CertificateToBuild } from '../../src/x509/build.js';
import { parseCertificate } from '../../src/x509/certificate.js';
import { issuerOf } from '../../src/x509/certificate-authority.js';
import { subjectNameDer } from '../../src/x509/name.js';
import { certificatePem, parsePemChain } from '../../src/x509/pem.js';
import { basicConstraints, keyUsage } from '../../src/x509/standard-extensions.js';
import { fill, hex, thrownBy, toHex } from '../crypto/bytes.js';
import { directoryText } from './recorded-kms.js';

const key = new P256Key(fill(32, 8));
const name = subjectNameDer({ organization: null, commonName: 'x' });
const plain: CertificateToBuild = {
  serial: hex('01'),
  issuer: name,
  subject: name,
  notBefore: 0,
  notAfter: 2_600_000_000,
  spki: key.spki,
  extensions: [keyUsage(0x80), basicConstraints(true, 3)],
  signer: issuerOf({ organization: null, commonName: 'x' }, key).signer,
};
const good = buildCertificate(plain);

const refused = (der: Uint8Array, code = 'CERTIFICATE_MALFORMED'): void => expect(thrownBy(() => parseCertificate(der))).toMatchObject({ constructor: VerificationError, code });

/** `good` with the TBSCertificate's elements changed; the signature no longer holds, which nobody looks at here. */
function withTbs(change: (elements: Uint8Array[]) => Uint8Array[]): Uint8Array {
  const [tbs, algorithm, signature] = children(readDer(good));
  if (tbs === undefined || algorithm === undefined || signature === undefined) throw new Error('a certificate');
  return sequence(sequence(...change(children(tbs).map(({ raw }) => raw))), algorithm.raw, signature.raw);
}

const recorded = [
  ...['root-ca.crt', 'tmp-ca.crt', 'rpc.crt'].map((file) => [file, parsePemChain(directoryText(file), 1)[0] ?? fill(0, 0)] as const),
  ...readdirSync(new URL('../vectors/roots/', import.meta.url)).map((file) => {
    const bytes = readFileSync(new URL(`../vectors/roots/${file}`, import.meta.url));
    return [file, file.endsWith('.pem') ? (parsePemChain(bytes.toString('latin1'), 1)[0] ?? fill(0, 0)) : new Uint8Array(bytes)] as const;
  }),
];

describe('parseCertificate', () => {
  it.each(recorded)('reads %s as the platform does', (_, der) => {
    const certificate = parseCertificate(der);
    // As PEM: given DER, the platform first looks for PEM inside it, and finds a certificate of the quote in the evidence.
    const platform = new X509Certificate(certificatePem(der));
    expect(toHex(certificate.raw)).toBe(platform.raw.toString('hex'));
    expect(BigInt(`0x${toHex(certificate.serial)}`)).toBe(BigInt(`0x${platform.serialNumber}`));
    expect(certificate.notBefore * 1000).toBe(Date.parse(platform.validFrom));
    expect(certificate.notAfter * 1000).toBe(Date.parse(platform.validTo));
    expect(toHex(certificate.spki)).toBe(platform.publicKey.export({ format: 'der', type: 'spki' }).toString('hex'));
  });

  it('reads what was built, field by field', () => {
    const certificate = parseCertificate(good);
    expect(certificate).toMatchObject({ notBefore: 0, notAfter: 2_600_000_000, signatureAlgorithmOid: '1.2.840.10045.4.3.2' });
    expect(toHex(certificate.issuerRaw)).toBe(toHex(name));
    expect(toHex(certificate.subjectRaw)).toBe(toHex(name));
    expect(toHex(certificate.serial)).toBe('01');
    expect([...certificate.extensions]).toEqual([
      ['2.5.29.15', { critical: true, value: hex('0303078000') }],
      ['2.5.29.19', { critical: true, value: hex('30060101ff020103') }],
    ]);
    expect(key.verify(certificate.tbs, certificate.signature)).toBe(true);
  });

  it('reads a certificate without extensions', () => {
    expect(parseCertificate(buildCertificate({ ...plain, extensions: [] })).extensions.size).toBe(0);
  });

  it('refuses an extension that is there twice', () => {
    refused(buildCertificate({ ...plain, extensions: [keyUsage(0x80), keyUsage(0x80)] }), 'EXTENSION_DUPLICATE');
  });

  it('refuses other versions', () => {
    refused(withTbs((elements) => [contextConstructed(0, integer(1)), ...elements.slice(1)]), 'CERTIFICATE_VERSION_UNSUPPORTED');
    refused(withTbs((elements) => elements.slice(1)), 'CERTIFICATE_VERSION_UNSUPPORTED');
  });

  it('refuses what is not quite a certificate', () => {
    refused(new Uint8Array(0));
    refused(Uint8Array.of(...good, 0));
    refused(good.subarray(0, good.length - 1));
    refused(withTbs((elements) => elements.slice(0, 6)));
    refused(withTbs((elements) => [...elements, contextConstructed(4)]));
    refused(withTbs((elements) => elements.with(1, hex('0200'))));
    refused(withTbs((elements) => elements.with(1, integer(fill(33, 1)))));
    refused(withTbs((elements) => elements.with(2, hex('300a06082a8648ce3d040303'))));
    refused(withTbs((elements) => elements.with(4, hex('3000'))));
    refused(withTbs((elements) => elements.with(7, contextConstructed(3, sequence(sequence(hex('0603551d0f'), hex('010101'), octetString(hex(''))))))));
    refused(buildCertificate({ ...plain, extensions: Array.from({ length: 65 }, (_, i) => ({ oid: `1.2.${i}`, critical: false, value: hex('') })) }));
    refused(buildCertificate({ ...plain, extensions: [{ oid: '1.2.3', critical: false, value: new Uint8Array(1 << 20) }] }));
  });

  it('reads or refuses any change of a byte, with a VerificationError', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const changed = good.slice();
        changed[at] = byte;
        try {
          parseCertificate(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(VerificationError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('parsePemChain', () => {
  it('reads a chain in order, as it is written, and bounds it', () => {
    const other = buildCertificate({ ...plain, serial: hex('02') });
    const text = certificatePem(good) + certificatePem(other);
    expect(parsePemChain(text, 2)).toEqual([good, other]);
    expect(thrownBy(() => parsePemChain(text, 1))).toMatchObject({ constructor: VerificationError, code: 'CERTIFICATE_MALFORMED' });
    expect(thrownBy(() => parsePemChain('', 1))).toMatchObject({ constructor: VerificationError, code: 'CERTIFICATE_MALFORMED' });
    expect(certificatePem(good)).toBe(new X509Certificate(good).toString());
  });
});

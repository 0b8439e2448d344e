import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { buildCertificate, buildCrl } from '../../src/x509/build.js';
import { parseCrl, serialKey } from '../../src/x509/crl.js';
import { ipAddressBytes } from '../../src/x509/ip-address.js';
import { distinguishedName, subjectNameDer } from '../../src/x509/name.js';
import { NAME_OID } from '../../src/x509/oids.js';
import { ecdsaSigner } from '../../src/x509/signer.js';
import { authorityKeyIdentifier, basicConstraints, caIssuers, crlDistributionPoint, crlNumber, keyUsage, subjectAltName, subjectKeyIdentifier } from '../../src/x509/standard-extensions.js';
import { fill, hex, toHex } from '../crypto/bytes.js';

describe('buildCertificate', () => {
  it.each(['P-256', 'P-384'])('makes certificates the platform reads and verifies, on %s', (namedCurve) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
    const name = distinguishedName([
      [NAME_OID.country, 'US'],
      [NAME_OID.organization, 'Örg'],
      [NAME_OID.commonName, 'Root'],
    ]);
    const certificate = new X509Certificate(
      buildCertificate({
        serial: hex('00ff01'),
        issuer: name,
        subject: name,
        notBefore: Date.UTC(2020, 0, 1) / 1000,
        notAfter: Date.UTC(2100, 0, 1) / 1000,
        spki: publicKey.export({ format: 'der', type: 'spki' }),
        extensions: [
          keyUsage(0x86),
          basicConstraints(true, null),
          subjectKeyIdentifier(fill(20, 1)),
          authorityKeyIdentifier(fill(20, 1)),
          crlDistributionPoint('http://pki.test/root.crl'),
          caIssuers('http://pki.test/root.der'),
          subjectAltName(['a.test', '::1']),
        ],
        signer: ecdsaSigner(privateKey),
      }),
    );
    expect(certificate.verify(publicKey)).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.ca).toBe(true);
    expect(certificate.serialNumber).toBe('FF01');
    expect(certificate.subject).toBe('C=US\nO=Örg\nCN=Root');
    expect(certificate.validTo).toBe('Jan  1 00:00:00 2100 GMT');
    expect(certificate.subjectAltName).toBe('DNS:a.test, IP Address:0:0:0:0:0:0:0:1');
    expect(certificate.infoAccess).toContain('http://pki.test/root.der');
  });

  it('signs with nothing else', () => {
    expect(() => ecdsaSigner(generateKeyPairSync('ed25519').privateKey)).toThrow(TypeError);
    expect(() => ecdsaSigner(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey)).toThrow(TypeError);
  });
});

describe('buildCrl', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const list = {
    issuer: subjectNameDer({ organization: null, commonName: 'CA' }),
    thisUpdate: 1_600_000_000,
    nextUpdate: 2_600_000_000,
    revoked: [],
    extensions: [authorityKeyIdentifier(fill(20, 1)), crlNumber(1)],
    signer: ecdsaSigner(privateKey),
  };

  it('makes lists that read back', () => {
    const read = parseCrl(buildCrl({ ...list, revoked: [{ serial: hex('80'), date: 1_600_000_000 }] }));
    expect(read.nextUpdate).toBe(2_600_000_000);
    expect([...read.revokedSerials]).toEqual([serialKey(hex('80'))]);
    expect(toHex(read.issuerRaw)).toBe(toHex(list.issuer));
    expect(parseCrl(buildCrl(list)).revokedSerials.size).toBe(0);
  });
});

describe('ipAddressBytes', () => {
  it.each([
    ['10.0.0.7', '0a000007'],
    ['255.255.255.255', 'ffffffff'],
    ['::', '00'.repeat(16)],
    ['::1', `${'00'.repeat(15)}01`],
    ['2001:db8::ff00:42:8329', '20010db8000000000000ff0000428329'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1::', `0001${'00'.repeat(14)}`],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['FE80::A', 'fe80000000000000000000000000000a'],
  ])('%s', (text, octets) => {
    expect(toHex(ipAddressBytes(text) ?? new Uint8Array(0))).toBe(octets);
  });

  it.each(['', 'example.com', '1.2.3', '1.2.3.04', '1.2.3.256', '1.2.3.4.5', ' 1.2.3.4', 'fe80::1%eth0', '1::2::3', '12345::', '[::1]', '1.2.3.4/8'])('%j is a name', (text) => {
    expect(ipAddressBytes(text)).toBeNull();
  });
});

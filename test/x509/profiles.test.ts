import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { P256Key } from '../../src/crypto/p256.js';
import { issuerOf, loadCertificateAuthority } from '../../src/x509/certificate-authority.js';
import { parseCertificate } from '../../src/x509/certificate.js';
import type { Certificate } from '../../src/x509/certificate.js';
import { decodeCsr } from '../../src/x509/csr.js';
import { readAppId, readAppInfo, readEvidence, readSpecialUsage } from '../../src/x509/dstack-extensions.js';
import { certificatePem } from '../../src/x509/pem.js';
import { appCaKey, issueAppCa } from '../../src/x509/profiles/app-ca.js';
import { issueAppLeaf } from '../../src/x509/profiles/app-leaf.js';
import { issueAppRoot } from '../../src/x509/profiles/app-root.js';
import { issueKmsRpc } from '../../src/x509/profiles/kms-rpc.js';
import { issueRaClient } from '../../src/x509/profiles/ra-client.js';
import { issueRootCa } from '../../src/x509/profiles/root-ca.js';
import { issueTempCa } from '../../src/x509/profiles/temp-ca.js';
import { defaultValidity } from '../../src/x509/validity.js';
import { ascii, fill, hex, thrownBy, toHex } from '../crypto/bytes.js';
import { KMS } from '../crypto/kms-vectors.js';
import { certificateOf, directoryCertificate, directoryKey, directoryText, recordedSignCerts, validityOf } from './recorded-kms.js';

const VALIDITY = defaultValidity(1_700_000_000);
const EVIDENCE = ascii('evidence');

/** Everything but the signature value is the recorded bytes, and the signature holds under `issuerKey`. */
function expectSame(der: Uint8Array, recorded: Certificate, issuerKey: P256Key): void {
  const issued = parseCertificate(der);
  expect(toHex(issued.tbs)).toBe(toHex(recorded.tbs));
  expect(toHex(issued.signatureAlgorithmRaw)).toBe(toHex(recorded.signatureAlgorithmRaw));
  expect(issuerKey.verify(issued.tbs, issued.signature)).toBe(true);
  expect(issuerKey.verify(recorded.tbs, recorded.signature)).toBe(true);
}

function evidenceOf(certificate: Certificate): Uint8Array | null {
  const evidence = readEvidence(certificate);
  return evidence?.kind === 'versioned' ? evidence.attestation : null;
}

describe('certificates on the keys of an existing KMS are the ones it wrote', () => {
  const rootKey = directoryKey('root-ca.key');

  it('root CA', () => {
    const recorded = directoryCertificate('root-ca.crt');
    expectSame(issueRootCa(rootKey, validityOf(recorded)), recorded, rootKey);
  });

  it('temp CA', () => {
    const recorded = directoryCertificate('tmp-ca.crt');
    const key = directoryKey('tmp-ca.key');
    expectSame(issueTempCa(key, validityOf(recorded)), recorded, key);
  });

  it('RPC certificate, evidence included', () => {
    const recorded = directoryCertificate('rpc.crt');
    const root = loadCertificateAuthority(directoryText('root-ca.crt'), rootKey);
    const attestation = evidenceOf(recorded);
    expect(attestation).toHaveLength(5104);
    const domain = directoryText('rpc-domain');
    expectSame(issueKmsRpc({ domain, spki: directoryKey('rpc.key').spki, attestation, validity: validityOf(recorded) }, root), recorded, rootKey);
  });

  const answered = recordedSignCerts.flatMap(({ case: name, request, answer }) => (answer.certificate_chain === undefined ? [] : [{ name, request, chain: answer.certificate_chain }]));
  it('five chains were recorded', () => {
    expect(answered).toHaveLength(5);
  });

  it.each(answered)('$name', ({ request, chain }) => {
    const [leaf, appCa, root] = chain.map(certificateOf);
    if (leaf === undefined || appCa === undefined || root === undefined) throw new Error('a chain of three');
    expect(toHex(root.raw)).toBe(toHex(directoryCertificate('root-ca.crt').raw));

    const appId = readAppId(leaf);
    if (appId === null) throw new Error('an app id');
    const rootCa = loadCertificateAuthority(directoryText('root-ca.crt'), rootKey);
    const authority = issueAppCa(appCaKey(rootKey.scalar, appId), appId, validityOf(appCa), rootCa);
    expectSame(certificateOf(authority.certificatePem).raw, appCa, rootKey);
    expect(readSpecialUsage(appCa)).toBe('app:ca');

    const { spki, config } = decodeCsr(hex(request.csr), 2);
    const der = issueAppLeaf(
      {
        subject: { organization: config.organization, commonName: config.subject },
        spki,
        subjectAltNames: config.subjectAltNames,
        serverAuth: config.serverAuth,
        clientAuth: config.clientAuth,
        appId,
        appInfo: config.withAppInfo ? readAppInfo(leaf) : null,
        attestation: config.withAttestation ? evidenceOf(leaf) : null,
        validity: { notBefore: Number(config.notBefore ?? leaf.notBefore), notAfter: Number(config.notAfter ?? leaf.notAfter) },
      },
      authority,
    );
    expectSame(der, leaf, authority.key);
    expect(readSpecialUsage(leaf)).toBe('app:custom');
  });
});

describe('certificates on the keys of the specification', () => {
  const root = issuerOf({ organization: 'Dstack', commonName: 'Dstack KMS CA' }, new P256Key(KMS.rootScalar));

  it('have its serial and key identifier (spec/kms.md section 22)', () => {
    const authority = issueAppCa(appCaKey(KMS.rootScalar, KMS.appId), KMS.appId, VALIDITY, root);
    const certificate = certificateOf(authority.certificatePem);
    expect(toHex(certificate.serial)).toBe('41e6a6b89fdb9e8b1c16889f1d0a4c204e7ff10b');
    expect(toHex(certificate.extensions.get('2.5.29.14')?.value ?? new Uint8Array(0))).toBe('04148ab33b7638798003f33d29bc6b751da36d0e7a9f');
    expect(toHex(readAppId(certificate) ?? new Uint8Array(0))).toBe('11'.repeat(20));
  });

  it('chain as the platform sees it', () => {
    const rootKey = new P256Key(KMS.rootScalar);
    const rootX509 = new X509Certificate(issueRootCa(rootKey, VALIDITY));
    const authority = issueAppCa(appCaKey(KMS.rootScalar, KMS.appId), KMS.appId, VALIDITY, root);
    const ca = new X509Certificate(authority.certificatePem);
    const key = new P256Key(fill(32, 9));
    const leaf = new X509Certificate(
      issueAppLeaf(
        { subject: { organization: null, commonName: 'app.example.com' }, spki: key.spki, subjectAltNames: ['app.example.com', '10.0.0.7', '2001:db8::7'], serverAuth: true, clientAuth: true, appId: KMS.appId, appInfo: null, attestation: null, validity: VALIDITY },
        authority,
      ),
    );
    expect(leaf.verify(ca.publicKey) && leaf.checkIssued(ca) && ca.verify(rootX509.publicKey) && ca.checkIssued(rootX509)).toBe(true);
    expect([rootX509.ca, ca.ca, leaf.ca]).toEqual([true, true, false]);
    expect(leaf.checkHost('app.example.com')).toBe('app.example.com');
    expect(leaf.checkIP('10.0.0.7')).toBe('10.0.0.7');
    expect(leaf.subjectAltName).toBe('DNS:app.example.com, IP Address:10.0.0.7, IP Address:2001:DB8:0:0:0:0:0:7');
    expect(leaf.checkPrivateKey(key.privateKey)).toBe(true);
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect([leaf.validFrom, leaf.validTo]).toEqual(['Jan  1 00:00:00 1975 GMT', 'Nov 11 22:13:20 2033 GMT']);
  });
});

describe('the client certificate and the app root', () => {
  it('carry the evidence and nothing else', () => {
    const tempCaKey = new P256Key(fill(32, 3));
    const tempCa = loadCertificateAuthority(certificatePem(issueTempCa(tempCaKey, VALIDITY)), tempCaKey);
    const client = parseCertificate(issueRaClient({ spki: new P256Key(fill(32, 4)).spki, attestation: EVIDENCE, validity: VALIDITY }, tempCa));
    expect([...client.extensions.keys()]).toEqual(['2.5.29.15', '1.3.6.1.4.1.62397.1.8']);
    expect(evidenceOf(client)).toEqual(EVIDENCE);
    expect(new X509Certificate(client.raw).subject).toBe('CN=RA-TLS TEMP Cert');
    expect(new X509Certificate(client.raw).issuer).toBe('O=Dstack\nCN=Dstack Client Temp CA');

    const root = parseCertificate(issueAppRoot(tempCaKey, EVIDENCE, VALIDITY));
    expect([...root.extensions.keys()]).toEqual(['2.5.29.15', '2.5.29.14', '2.5.29.19', '1.3.6.1.4.1.62397.1.8']);
    expect(toHex(root.extensions.get('2.5.29.19')?.value ?? new Uint8Array(0))).toBe('30060101ff020101');
    expect(toHex(root.subjectRaw)).toBe(toHex(root.issuerRaw));
    expect(new X509Certificate(root.raw).subject).toBe('CN=App Root Cert');
  });
});

describe('a leaf', () => {
  const key = new P256Key(fill(32, 5));
  const request = { subject: { organization: null, commonName: '' }, spki: key.spki, subjectAltNames: [], serverAuth: false, clientAuth: false, appId: null, appInfo: null, attestation: null, validity: VALIDITY };
  const ca = issuerOf({ organization: null, commonName: 'CA' }, key);

  it('may have an empty name, and says what it is for', () => {
    const leaf = parseCertificate(issueAppLeaf(request, ca));
    expect([...leaf.extensions.keys()]).toEqual(['2.5.29.15', '1.3.6.1.4.1.62397.1.4']);
    expect(toHex(leaf.extensions.get('2.5.29.15')?.value ?? new Uint8Array(0))).toBe('0303078000');
    expect(leaf.extensions.get('2.5.29.15')?.critical).toBe(true);
  });

  it('with a name that is not ASCII is refused', () => {
    expect(thrownBy(() => issueAppLeaf({ ...request, subjectAltNames: ['exämple.com'] }, ca))).toMatchObject({ name: 'ServiceError', code: 'INVALID_ARGUMENT' });
  });

  it('with a time no certificate can hold is refused', () => {
    expect(thrownBy(() => issueAppLeaf({ ...request, validity: { notBefore: 0, notAfter: 2 ** 63 } }, ca))).toMatchObject({ code: 'DER_MALFORMED' });
  });

  it('for a key that is not P-256 is refused', () => {
    expect(thrownBy(() => issueAppLeaf({ ...request, spki: fill(91, 0x30) }, ca))).toMatchObject({ code: 'PUBLIC_KEY_INVALID' });
  });
});

describe('loadCertificateAuthority', () => {
  it('refuses a key that is not the certificate’s, and what is not one certificate', () => {
    expect(thrownBy(() => loadCertificateAuthority(directoryText('root-ca.crt'), directoryKey('tmp-ca.key')))).toMatchObject({ name: 'ConfigError', code: 'CONFIG_INVALID' });
    const twice = directoryText('root-ca.crt').repeat(2);
    expect(thrownBy(() => loadCertificateAuthority(twice, directoryKey('root-ca.key')))).toMatchObject({ name: 'VerificationError', code: 'CERTIFICATE_MALFORMED' });
  });
});

describe('defaultValidity', () => {
  it('is 1975 to 3650 days from now, in whole seconds', () => {
    expect(defaultValidity(1_000_000_000.9)).toEqual({ notBefore: Date.UTC(1975, 0, 1) / 1000, notAfter: 1_000_000_000 + 3650 * 86_400 });
  });
});

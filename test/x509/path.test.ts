import { describe, expect, test } from 'vitest';
import { bitString, boolean, contextConstructed, contextPrimitive, integer, sequence } from '../../src/crypto/der-write.js';
import { VerificationError } from '../../src/errors/verification-error.js';
import { parseCertificate } from '../../src/x509/certificate.js';
import type { Certificate } from '../../src/x509/certificate.js';
import { parseCrl } from '../../src/x509/crl.js';
import { EKU_CLIENT_AUTH, EKU_SERVER_AUTH, verifyPath } from '../../src/x509/path.js';
import type { PathRequest } from '../../src/x509/path.js';
import { RevocationChecker } from '../../src/x509/revocation.js';
import { vector, vectorText } from '../attestation/vectors.js';
import { certificate, crl, extension, testKey } from './mini-ca.js';
import type { CertificateOptions, TestCertificate, TestExtension } from './mini-ca.js';

const NOW = 1_800_000_000;
const root = certificate({ subject: 'root', key: testKey('root'), extensions: [extension.ca()] });

function ca(label: string, issuer: TestCertificate, extensions: readonly TestExtension[] = [extension.ca()], more: Partial<CertificateOptions> = {}): TestCertificate {
  return certificate({ subject: label, key: testKey(label), issuer, extensions, ...more });
}
function leaf(issuer: TestCertificate, extensions: readonly TestExtension[] = [], more: Partial<CertificateOptions> = {}): TestCertificate {
  return certificate({ subject: 'leaf', key: testKey('leaf'), issuer, extensions, ...more });
}
const parse = ({ der }: TestCertificate): Certificate => parseCertificate(der);

function codeOf(end: TestCertificate, intermediates: readonly TestCertificate[], more: Partial<PathRequest> = {}): string {
  try {
    verifyPath({ leaf: parse(end), intermediates: intermediates.map(parse), anchor: parse(root), now: NOW, extendedKeyUsage: EKU_SERVER_AUTH, revocation: null, ...more });
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    throw error;
  }
  return 'accepted';
}

const a = ca('a', root);
const b = ca('b', a);

describe('verifyPath', () => {
  test.each<[string, TestCertificate, TestCertificate[]]>([
    ['a leaf of the root', leaf(root), []],
    ['two intermediates', leaf(b), [a, b]],
    ['in any order, with strangers and the root among them', leaf(b), [root, b, ca('x', root), a]],
    ['a second certificate of the same name that does not fit', leaf(a), [ca('a', root, [extension.ca()], { key: testKey('impostor') }), a]],
    ['the required extended key usage among others', leaf(root, [extension.eku(EKU_CLIENT_AUTH, EKU_SERVER_AUTH)]), []],
    ['a path length that is just enough', leaf(b), [ca('a', root, [extension.ca(1)]), ca('b', a, [extension.ca(0)])]],
    ['a critical key usage and alternative name', leaf(root, [extension.keyUsage(0x80), { oid: '2.5.29.17', value: sequence(), critical: true }]), []],
  ])('accepts %s', (_name, end, intermediates) => {
    expect(codeOf(end, intermediates)).toBe('accepted');
  });

  test.each<[string, TestCertificate, TestCertificate[], string]>([
    ['a missing intermediate', leaf(b), [a], 'ISSUER_UNKNOWN'],
    ['a self-signed leaf', certificate({ subject: 'self', key: testKey('self') }), [], 'ISSUER_UNKNOWN'],
    ['two CAs that certify each other', leaf(ca('p', ca('q', root))), [ca('p', ca('q', root)), certificate({ subject: 'q', key: testKey('q'), issuer: ca('p', root), extensions: [extension.ca()] })], 'ISSUER_UNKNOWN'],
    ['a leaf signed by another key', leaf({ ...root, key: testKey('mallory') }), [], 'CERTIFICATE_SIGNATURE_INVALID'],
    ['an intermediate signed by another key', leaf(a), [ca('a', { ...root, key: testKey('mallory') })], 'CERTIFICATE_SIGNATURE_INVALID'],
    ['an expired leaf', leaf(root, [], { notAfter: NOW - 1 }), [], 'CERTIFICATE_EXPIRED'],
    ['a leaf from the future', leaf(root, [], { notBefore: NOW + 1 }), [], 'CERTIFICATE_NOT_YET_VALID'],
    ['an expired intermediate', leaf(a), [ca('a', root, [extension.ca()], { notAfter: NOW - 1 })], 'CERTIFICATE_EXPIRED'],
    ['a CA as leaf', a, [], 'CA_USED_AS_END_ENTITY'],
    ['a leaf as issuer', leaf(a), [ca('a', root, [])], 'END_ENTITY_USED_AS_CA'],
    ['basic constraints that say no', leaf(a), [ca('a', root, [{ oid: '2.5.29.19', value: sequence() }])], 'END_ENTITY_USED_AS_CA'],
    ['a path longer than allowed', leaf(b), [ca('a', root, [extension.ca(0)]), b], 'PATH_LENGTH_EXCEEDED'],
    ['a leaf for client authentication only', leaf(root, [extension.eku(EKU_CLIENT_AUTH)]), [], 'EXTENDED_KEY_USAGE_MISSING'],
    ['an intermediate for client authentication only', leaf(a), [ca('a', root, [extension.ca(), extension.eku(EKU_CLIENT_AUTH)])], 'EXTENDED_KEY_USAGE_MISSING'],
    ['an unknown critical extension', leaf(root, [{ oid: '1.2.3.4', value: sequence(), critical: true }]), [], 'CRITICAL_EXTENSION_UNKNOWN'],
    ['name constraints, which are not applied', leaf(a), [ca('a', root, [extension.ca(), { oid: '2.5.29.30', value: sequence() }])], 'CRITICAL_EXTENSION_UNKNOWN'],
    ['malformed basic constraints', leaf(a), [ca('a', root, [{ oid: '2.5.29.19', value: sequence(boolean(true), integer(1000)) }])], 'EXTENSION_MALFORMED'],
  ])('refuses %s', (_name, end, intermediates, code) => {
    expect(codeOf(end, intermediates)).toBe(code);
  });

  test('allows six intermediates and no more', () => {
    const chain = (count: number): TestCertificate[] => {
      const links = [root];
      for (let i = 0; i < count; i++) links.push(ca(`link ${i}`, links.at(-1) ?? root));
      return links;
    };
    const six = chain(6);
    const seven = chain(7);
    expect(codeOf(leaf(six.at(-1) ?? root), six)).toBe('accepted');
    expect(codeOf(leaf(seven.at(-1) ?? root), seven)).toBe('PATH_TOO_COMPLEX');
  });

  test('gives up on a maze of certificates with one name in bounded time', () => {
    const maze = Array.from({ length: 40 }, (_, i) => certificate({ subject: 'maze', key: testKey(`maze ${i}`), issuer: { subject: 'maze', key: testKey('maze') }, extensions: [extension.ca()] }));
    const started = performance.now();
    expect(codeOf(leaf({ subject: 'maze', key: testKey('maze'), der: new Uint8Array() }), maze)).toBe('PATH_TOO_COMPLEX');
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('tells how long each part of the path is valid', () => {
    const short = ca('a', root, [extension.ca()], { notAfter: NOW + 5 });
    const list = parseCrl(crl({ issuer: root, nextUpdate: NOW + 3 }));
    const ofA = parseCrl(crl({ issuer: short, nextUpdate: NOW + 100 }));
    const { windows } = verifyPath({
      leaf: parse(leaf(short, [], { notAfter: NOW + 9 })), intermediates: [parse(short)], anchor: parse(root), now: NOW, extendedKeyUsage: EKU_SERVER_AUTH, revocation: new RevocationChecker([list, ofA]),
    });
    expect(windows.map(({ until }) => until - NOW)).toEqual([9, 5, 2, 99]);
  });

  test('verifies the P-384 chain of a public vendor root under itself', () => {
    const der = Buffer.from(vectorText('roots/AWS_NitroEnclaves_Root-G1.pem').replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const aws = parseCertificate(Uint8Array.from(der));
    // A root is a CA, so it is refused as a leaf, and only for that.
    expect(() => verifyPath({ leaf: aws, intermediates: [], anchor: aws, now: NOW, extendedKeyUsage: EKU_CLIENT_AUTH, revocation: null })).toThrow(expect.objectContaining({ code: 'CA_USED_AS_END_ENTITY' }));
  });
});

describe('revocation', () => {
  const uri = (text: string): Uint8Array => contextPrimitive(6, Buffer.from(text));
  const points = (...texts: string[]): TestExtension => ({ oid: '2.5.29.31', value: sequence(...texts.map((text) => sequence(contextConstructed(0, contextConstructed(0, uri(text)))))) });
  const scope = (text: string, ...flags: Uint8Array[]): TestExtension => ({ oid: '2.5.29.28', critical: true, value: sequence(contextConstructed(0, contextConstructed(0, uri(text))), ...flags) });
  const onlyUsers = contextPrimitive(1, Uint8Array.of(0xff));
  const onlyCas = contextPrimitive(2, Uint8Array.of(0xff));
  const checker = (...lists: Uint8Array[]): { revocation: RevocationChecker } => ({ revocation: new RevocationChecker(lists.map(parseCrl)) });
  const withPoint = leaf(root, [points('http://other', 'http://crl.test/a')]);

  test.each<[string, TestCertificate, TestCertificate[], { revocation: RevocationChecker }, string]>([
    ['a list that does not name it', leaf(root), [], checker(crl({ issuer: root, revoked: [41] })), 'accepted'],
    ['a list that names it', leaf(root), [], checker(crl({ issuer: root, revoked: [41, 42] })), 'CERTIFICATE_REVOKED'],
    ['no list', leaf(root), [], checker(), 'CRL_NOT_FOUND'],
    ['a list of another issuer only', leaf(root), [], checker(crl({ issuer: a })), 'CRL_NOT_FOUND'],
    ['no list of the intermediate', leaf(a), [a], checker(crl({ issuer: root })), 'CRL_NOT_FOUND'],
    ['the first list of an issuer counts', leaf(root), [], checker(crl({ issuer: root }), crl({ issuer: root, revoked: [42] })), 'accepted'],
    ['a forged list', leaf(root), [], checker(crl({ issuer: { ...root, key: testKey('mallory') } })), 'CRL_SIGNATURE_INVALID'],
    ['a list that expires now', leaf(root), [], checker(crl({ issuer: root, nextUpdate: NOW })), 'CRL_EXPIRED'],
    ['a list that expires next second', leaf(root), [], checker(crl({ issuer: root, nextUpdate: NOW + 1 })), 'accepted'],
    ['an intermediate that may not sign lists', leaf(a), [ca('a', root, [extension.ca(), extension.keyUsage(0x04)])], checker(crl({ issuer: root }), crl({ issuer: a })), 'CRL_SIGNER_NOT_ALLOWED'],
    ['a key usage written with a superfluous zero byte', leaf(a), [ca('a', root, [extension.ca(), { oid: '2.5.29.15', critical: true, value: bitString(Uint8Array.of(0x86, 0), 7) }])], checker(crl({ issuer: root }), crl({ issuer: a })), 'accepted'],
    ['a list for its distribution point', withPoint, [], checker(crl({ issuer: root, extensions: [scope('http://crl.test/a')] })), 'accepted'],
    ['a list for another distribution point', withPoint, [], checker(crl({ issuer: root, extensions: [scope('http://crl.test/b')] })), 'CRL_NOT_FOUND'],
    ['a list for a distribution point it has none of', leaf(root), [], checker(crl({ issuer: root, extensions: [scope('http://crl.test/a')] })), 'CRL_NOT_FOUND'],
    ['a list of user certificates', withPoint, [], checker(crl({ issuer: root, extensions: [scope('http://crl.test/a', onlyUsers)] })), 'accepted'],
    ['a list of CA certificates', withPoint, [], checker(crl({ issuer: root, extensions: [scope('http://crl.test/a', onlyCas)] })), 'CRL_NOT_FOUND'],
  ])('%s', (_name, end, intermediates, revocation, expected) => {
    expect(codeOf(end, intermediates, revocation)).toBe(expected);
  });

  test('a list proved by one key is not believed under another', () => {
    const list = new RevocationChecker([parseCrl(crl({ issuer: root }))]);
    expect(codeOf(leaf(root), [], { revocation: list })).toBe('accepted');
    const impostor = certificate({ subject: 'root', key: testKey('mallory'), extensions: [extension.ca()] });
    expect(codeOf(leaf(impostor), [], { revocation: list, anchor: parse(impostor) })).toBe('CRL_SIGNATURE_INVALID');
  });
});

test('the Intel root parses as the anchor it is', () => {
  const intel = parseCertificate(vector('roots/intel-sgx-root.der'));
  expect(Buffer.compare(intel.subjectRaw, intel.issuerRaw)).toBe(0);
});

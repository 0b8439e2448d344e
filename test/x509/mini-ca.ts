import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createHash } from 'node:crypto';
import { bitString, boolean, contextConstructed, integer, octetString, oid, sequence, set, time, tlv, utf8String } from '../../src/crypto/der-write.js';
import { TAG } from '../../src/crypto/der.js';

/** A key pair that is the same in every run. */
export function testKey(label: string): KeyObject {
  const scalar = createHash('sha256').update(`test key ${label}`).digest();
  // SEC1 ECPrivateKey without the optional public key, which the importer computes.
  const der = sequence(integer(1), octetString(scalar), contextConstructed(0, oid('1.2.840.10045.3.1.7')));
  return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'sec1' });
}

/** x‖y, 64 bytes. */
export function rawPoint(key: KeyObject): Uint8Array {
  const { x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  return new Uint8Array(Buffer.concat([Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]));
}

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

export function name(commonName: string): Uint8Array {
  return sequence(set(sequence(oid('2.5.4.3'), utf8String(commonName))));
}

export interface TestExtension {
  readonly oid: string;
  readonly value: Uint8Array;
  readonly critical?: boolean;
}

export const extension = {
  ca: (pathLength: number | null = null): TestExtension => ({
    oid: '2.5.29.19',
    critical: true,
    value: sequence(boolean(true), ...(pathLength === null ? [] : [integer(pathLength)])),
  }),
  keyUsage: (bits: number): TestExtension => ({ oid: '2.5.29.15', critical: true, value: bitString(Uint8Array.of(bits), 1) }),
  eku: (...usages: string[]): TestExtension => ({ oid: '2.5.29.37', value: sequence(...usages.map(oid)) }),
};

export interface TestCertificate {
  readonly subject: string;
  readonly key: KeyObject;
  readonly der: Uint8Array;
}

export interface CertificateOptions {
  readonly subject: string;
  readonly key: KeyObject;
  /** Signs; the subject itself when left out. */
  readonly issuer?: { readonly subject: string; readonly key: KeyObject };
  readonly serial?: number;
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly extensions?: readonly TestExtension[];
}

function extensionList(extensions: readonly TestExtension[]): Uint8Array {
  return sequence(...extensions.map((each) => sequence(oid(each.oid), ...(each.critical === true ? [boolean(true)] : []), octetString(each.value))));
}

function signed(tbs: Uint8Array, key: KeyObject): Uint8Array {
  return sequence(tbs, ECDSA_SHA256, bitString(sign('sha256', tbs, { key, dsaEncoding: 'der' })));
}

export function certificate(options: CertificateOptions): TestCertificate {
  const { subject, key, issuer = options, serial = 42, notBefore = 1_577_836_800, notAfter = 4_102_444_800, extensions = [] } = options;
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const tbs = sequence(
    contextConstructed(0, integer(2)),
    integer(serial),
    ECDSA_SHA256,
    name(issuer.subject),
    sequence(time(notBefore), time(notAfter)),
    name(subject),
    new Uint8Array(spki),
    ...(extensions.length > 0 ? [contextConstructed(3, extensionList(extensions))] : []),
  );
  return { subject, key, der: signed(tbs, issuer.key) };
}

export interface CrlOptions {
  readonly issuer: { readonly subject: string; readonly key: KeyObject };
  readonly thisUpdate?: number;
  readonly nextUpdate?: number | null;
  readonly revoked?: readonly number[];
  readonly extensions?: readonly TestExtension[] | null;
  readonly entryExtensions?: readonly TestExtension[];
  readonly version?: number;
}

export function crl(options: CrlOptions): Uint8Array {
  const { issuer, thisUpdate = 1_577_836_800, nextUpdate = 4_102_444_800, revoked = [], version = 1, entryExtensions = [] } = options;
  const extensions = options.extensions === undefined ? [{ oid: '2.5.29.20', value: integer(1) }] : options.extensions;
  const entries = revoked.map((serial) =>
    sequence(integer(serial), time(1_600_000_000), ...(entryExtensions.length > 0 ? [extensionList(entryExtensions)] : [])),
  );
  const tbs = sequence(
    integer(version),
    ECDSA_SHA256,
    name(issuer.subject),
    time(thisUpdate),
    ...(nextUpdate === null ? [] : [time(nextUpdate)]),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    ...(extensions === null ? [] : [contextConstructed(0, extensionList(extensions))]),
  );
  return signed(tbs, issuer.key);
}

export function pem(...certificates: readonly TestCertificate[]): string {
  return certificates
    .map(({ der }) => `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64').replace(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`)
    .join('');
}

export const enumerated = (value: number): Uint8Array => tlv(TAG.enumerated, Uint8Array.of(value));

import { bitString, contextConstructed, integer, oid, sequence, time } from '../crypto/der-write.js';
import { extensionDer } from './standard-extensions.js';
import type { ExtensionToWrite } from './standard-extensions.js';
import type { CertificateSigner } from './signer.js';

/** A certificate to be built, field by field; nothing is added or reordered. */
export interface CertificateToBuild {
  /** Unsigned big-endian serial number; leading zeros are dropped. */
  readonly serial: Uint8Array;
  /** Name, DER. */
  readonly issuer: Uint8Array;
  /** Name, DER. */
  readonly subject: Uint8Array;
  /** Unix seconds. */
  readonly notBefore: number;
  /** Unix seconds. */
  readonly notAfter: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  readonly extensions: readonly ExtensionToWrite[];
  readonly signer: CertificateSigner;
}

/** A revocation list to be built. */
export interface CrlToBuild {
  /** Name, DER. */
  readonly issuer: Uint8Array;
  /** Unix seconds. */
  readonly thisUpdate: number;
  /** Unix seconds. */
  readonly nextUpdate: number;
  /** Unsigned big-endian serials and revocation times in unix seconds. */
  readonly revoked: readonly { readonly serial: Uint8Array; readonly date: number }[];
  readonly extensions: readonly ExtensionToWrite[];
  readonly signer: CertificateSigner;
}

/** DER of an X.509 v3 certificate (RFC 5280 section 4.1). @throws DerError for a time outside the years 1 to 9999 */
export function buildCertificate(certificate: CertificateToBuild): Uint8Array {
  const { serial, issuer, subject, notBefore, notAfter, spki, extensions, signer } = certificate;
  const tbs = sequence(
    contextConstructed(0, integer(2)),
    integer(serial),
    algorithm(signer),
    issuer,
    sequence(time(notBefore), time(notAfter)),
    subject,
    spki,
    ...(extensions.length === 0 ? [] : [contextConstructed(3, sequence(...extensions.map(extensionDer)))]),
  );
  return signed(tbs, signer);
}

/** DER of an X.509 v2 revocation list (RFC 5280 section 5.1). @throws DerError for a time outside the years 1 to 9999 */
export function buildCrl(list: CrlToBuild): Uint8Array {
  const { issuer, thisUpdate, nextUpdate, revoked, extensions, signer } = list;
  const tbs = sequence(
    integer(1),
    algorithm(signer),
    issuer,
    time(thisUpdate),
    time(nextUpdate),
    ...(revoked.length === 0 ? [] : [sequence(...revoked.map(({ serial, date }) => sequence(integer(serial), time(date))))]),
    ...(extensions.length === 0 ? [] : [contextConstructed(0, sequence(...extensions.map(extensionDer)))]),
  );
  return signed(tbs, signer);
}

function algorithm({ algorithmOid }: CertificateSigner): Uint8Array {
  return sequence(oid(algorithmOid));
}

function signed(tbs: Uint8Array, signer: CertificateSigner): Uint8Array {
  return sequence(tbs, algorithm(signer), bitString(signer.sign(tbs)));
}

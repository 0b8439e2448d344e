import { createHash } from 'node:crypto';
import { pointFromSpki } from '../crypto/p256-encoding.js';
import { buildCertificate } from './build.js';
import { dstackExtensions } from './dstack-extensions.js';
import type { DstackExtensions } from './dstack-extensions.js';
import { subjectNameDer } from './name.js';
import type { SubjectName } from './name.js';
import type { CertificateSigner } from './signer.js';
import { basicConstraints, extendedKeyUsage, KEY_USAGE, keyUsage, subjectAltName, subjectKeyIdentifier } from './standard-extensions.js';
import type { ExtensionToWrite } from './standard-extensions.js';
import type { Validity } from './validity.js';

/** Who signs: the issuer's Name (DER) and its key. */
export interface CertificateIssuer {
  readonly nameDer: Uint8Array;
  readonly signer: CertificateSigner;
}

/** What one certificate of the profile of spec/kms.md section 5 is made of; the rest follows from it. */
export interface CertificateToIssue {
  readonly subject: SubjectName;
  /** SubjectPublicKeyInfo of a P-256 key, 91 bytes DER. */
  readonly spki: Uint8Array;
  readonly validity: Validity;
  /** Host names, or IP addresses as text. */
  readonly subjectAltNames: readonly string[];
  /** Dotted OIDs of key purposes. */
  readonly extendedKeyUsage: readonly string[];
  /** How many CAs may follow below it; null for an end entity. */
  readonly caPathLength: number | null;
  readonly dstack: DstackExtensions;
}

/**
 * DER of the certificate. Serial and subject key identifier follow from the key, so a certificate issued
 * again for the same key differs in validity and signature alone.
 * @throws KeyMaterialError PUBLIC_KEY_INVALID, ServiceError INVALID_ARGUMENT (a name that is not ASCII), DerError (a time outside the years 1 to 9999)
 */
export function issueCertificate(certificate: CertificateToIssue, issuer: CertificateIssuer): Uint8Array {
  return buildCertificate({
    serial: serialNumber(certificate.spki),
    issuer: issuer.nameDer,
    subject: subjectNameDer(certificate.subject),
    ...certificate.validity,
    spki: certificate.spki,
    extensions: extensions(certificate),
    signer: issuer.signer,
  });
}

/** First 20 bytes of SHA-256 over the uncompressed point, the top bit cleared so that the number is positive. */
function serialNumber(spki: Uint8Array): Uint8Array {
  const serial = createHash('sha256').update(pointFromSpki(spki)).digest().subarray(0, 20);
  serial[0] = (serial[0] ?? 0) & 0x7f;
  return serial;
}

/** In the order of spec/kms.md section 5. Key usage is lost when it would be alone, as in the certificates on record. */
function extensions({ subjectAltNames, extendedKeyUsage: purposes, caPathLength, spki, dstack }: CertificateToIssue): ExtensionToWrite[] {
  const isCa = caPathLength !== null;
  const usage = keyUsage(isCa ? KEY_USAGE.digitalSignature | KEY_USAGE.keyCertSign | KEY_USAGE.crlSign : KEY_USAGE.digitalSignature);
  const found = [
    ...(subjectAltNames.length === 0 ? [] : [subjectAltName(subjectAltNames)]),
    usage,
    ...(purposes.length === 0 ? [] : [extendedKeyUsage(purposes)]),
    ...(isCa ? [subjectKeyIdentifier(keyIdentifier(spki)), basicConstraints(true, caPathLength)] : []),
    ...dstackExtensions(dstack),
  ];
  return found.length === 1 ? [] : found;
}

/** First 20 bytes of SHA-256 over the SubjectPublicKeyInfo. */
function keyIdentifier(spki: Uint8Array): Uint8Array {
  return createHash('sha256').update(spki).digest().subarray(0, 20);
}

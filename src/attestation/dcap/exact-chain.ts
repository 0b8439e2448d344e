import { VerificationError } from '../../errors/verification-error.js';
import type { Certificate } from '../../x509/certificate.js';
import { publicKeyOf } from '../../x509/path.js';
import { isSignedBy } from '../../x509/signature.js';

/** PEM blocks with nothing but white space between them, and NULs at the end (trap T4). No two parts can match the same text, so this is linear. */
const ONLY_CERTIFICATES = /^(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/= \t\r\n]+-----END CERTIFICATE-----[ \t\r\n]*)+\0*$/;

/**
 * PEM readers pass over text around the blocks; in a quote no such text belongs. Together with `assertNothingElse` it leaves
 * no byte of a chain that could be changed without being noticed.
 * @throws VerificationError PCK_CHAIN_NOT_EXACT
 */
export function assertOnlyCertificates(pem: string): void {
  if (!ONLY_CERTIFICATES.test(pem)) throw new VerificationError('PCK_CHAIN_NOT_EXACT', 'the PCK chain holds more than certificates');
}

/**
 * Every certificate supplied is one of the path, or a root: the anchor, or another certificate of its name and key that it
 * signed itself (Intel has issued its root twice). Path building alone would not look at the others.
 * @throws VerificationError PCK_CHAIN_NOT_EXACT
 */
export function assertNothingElse(supplied: readonly Certificate[], path: readonly Certificate[], anchor: Certificate): void {
  for (const certificate of supplied) {
    if (path.includes(certificate) || isAnchor(certificate, anchor)) continue;
    throw new VerificationError('PCK_CHAIN_NOT_EXACT', 'the PCK chain has a certificate that certifies nothing');
  }
}

function isAnchor(certificate: Certificate, anchor: Certificate): boolean {
  if (same(certificate.raw, anchor.raw)) return true;
  const { subjectRaw, issuerRaw, spki } = certificate;
  return same(subjectRaw, anchor.subjectRaw) && same(issuerRaw, anchor.subjectRaw) && same(spki, anchor.spki) && isSignedBy(certificate, publicKeyOf(anchor));
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

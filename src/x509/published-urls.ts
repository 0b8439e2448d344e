import { children, DerError, expectTag, oidText, readDer, TAG } from '../crypto/der.js';
import { VerificationError } from '../errors/verification-error.js';
import type { Certificate } from './certificate.js';
import { certificateDistributionPoints } from './issuing-distribution-point.js';
import { EXTENSION_OID, PKIX_OID } from './oids.js';

const MAX_ACCESS_DESCRIPTIONS = 16;
const MAX_URL_LENGTH = 2048;
/** Context tag 6 of GeneralName: uniformResourceIdentifier. */
const URI_NAME = 0x86;

/**
 * Where the issuer's certificate is: the first http or https URL of method caIssuers (RFC 5280 section 4.2.2.1), or null.
 * @throws VerificationError EXTENSION_MALFORMED
 */
export function issuerCertificateUrl(certificate: Certificate): string | null {
  return firstUrl(certificate, EXTENSION_OID.authorityInfoAccess, (value) =>
    children(readDer(value, TAG.sequence), MAX_ACCESS_DESCRIPTIONS).flatMap((description) => {
      const [method, location] = children(expectTag(description, TAG.sequence), 2);
      return location !== undefined && oidText(expectTag(method, TAG.oid)) === PKIX_OID.caIssuers ? [location.raw] : [];
    }),
  );
}

/**
 * Where the revocation list that covers the certificate is: the first http or https URL of its CRL distribution points
 * (RFC 5280 section 4.2.1.13), or null.
 * @throws VerificationError EXTENSION_MALFORMED, CRL_MALFORMED
 */
export function revocationListUrl(certificate: Certificate): string | null {
  return firstUrl(certificate, EXTENSION_OID.crlDistributionPoints, certificateDistributionPoints);
}

/** @param names DER of the GeneralNames in the extension's value */
function firstUrl(certificate: Certificate, oid: string, names: (value: Uint8Array) => readonly Uint8Array[]): string | null {
  const extension = certificate.extensions.get(oid);
  if (extension === undefined) return null;
  try {
    return names(extension.value).map(urlOf).find((url) => url !== null) ?? null;
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new VerificationError('EXTENSION_MALFORMED', `certificate extension ${oid} is malformed`, { cause });
  }
}

function urlOf(name: Uint8Array): string | null {
  const { tag, value } = readDer(name);
  if (tag !== URI_NAME || value.length > MAX_URL_LENGTH) return null;
  const url = Buffer.from(value).toString('latin1');
  return /^https?:\/\/[\x21-\x7e]+$/i.test(url) && URL.canParse(url) ? url : null;
}

import { children, DerError, expectTag, oidText, readDer, TAG } from '../crypto/der.js';
import type { DerNode } from '../crypto/der.js';

/** RSASSA-PSS (RFC 8017 appendix A.2.3). */
export const RSASSA_PSS = '1.2.840.113549.1.1.10';

const SHA384 = '2.16.840.1.101.3.4.2.2';
const MGF1 = '1.2.840.113549.1.1.8';
const SALT_LENGTH = 48;
const TRAILER_FIELD = 1;

/**
 * Is this AlgorithmIdentifier (DER) RSASSA-PSS with SHA-384, MGF1 with SHA-384, 48 octets of salt and the one trailer there
 * is? It is the only choice of parameters in use among vendors of TEEs (spec/attestation.md section 5.6), so others are not
 * taken into account: false, as for anything malformed.
 */
export function isPssSha384(algorithm: Uint8Array): boolean {
  try {
    const [oid, parameters, ...rest] = children(readDer(algorithm, TAG.sequence), 2);
    return rest.length === 0 && oidText(expectTag(oid, TAG.oid)) === RSASSA_PSS && parameters !== undefined && areSha384(parameters);
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}

/** The trailer is often written although it has its default value. */
function areSha384(parameters: DerNode): boolean {
  const [hash, mask, salt, trailer] = children(expectTag(parameters, TAG.sequence), 4);
  const [mgf, maskHash] = children(readDer(expectTag(mask, 0xa1).value, TAG.sequence), 2);
  return (
    isSha384(readDer(expectTag(hash, 0xa0).value)) &&
    oidText(expectTag(mgf, TAG.oid)) === MGF1 &&
    isSha384(maskHash) &&
    smallInteger(expectTag(salt, 0xa2)) === SALT_LENGTH &&
    (trailer === undefined || smallInteger(expectTag(trailer, 0xa3)) === TRAILER_FIELD)
  );
}

/** With the parameter NULL, or none (RFC 4055 section 2.1 allows both). */
function isSha384(algorithm: DerNode | undefined): boolean {
  const [oid, parameter] = children(expectTag(algorithm, TAG.sequence), 2);
  return oidText(expectTag(oid, TAG.oid)) === SHA384 && (parameter === undefined || expectTag(parameter, TAG.null).value.length === 0);
}

function smallInteger({ value }: DerNode): number | null {
  const { value: octets } = readDer(value, TAG.integer);
  return octets.length === 1 ? (octets[0] ?? null) : null;
}

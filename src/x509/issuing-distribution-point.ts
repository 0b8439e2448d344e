import { children, readDer, TAG } from '../crypto/der.js';
import { VerificationError } from '../errors/verification-error.js';

/** The scope of a revocation list (RFC 5280 section 5.2.5), of the kinds this verifier can apply. */
export interface IssuingDistributionPoint {
  /** DER of the GeneralNames the list is published at. */
  readonly fullNames: readonly Uint8Array[];
  readonly onlyUserCertificates: boolean;
  readonly onlyCaCertificates: boolean;
}

const MAX_NAMES = 32;

/**
 * Reads the extension's value. Lists for some reasons only, for attribute certificates, or of other
 * issuers' certificates are refused, as nothing can be concluded from a serial's absence there.
 * @throws VerificationError CRL_MALFORMED, DerError
 */
export function parseIssuingDistributionPoint(value: Uint8Array): IssuingDistributionPoint {
  let fullNames: readonly Uint8Array[] = [];
  const flags = new Set<number>();
  for (const field of children(readDer(value, TAG.sequence), 6)) {
    if (field.tag === 0xa0) fullNames = distributionPointFullNames(field.value);
    else if (field.tag === 0x81 || field.tag === 0x82) {
      if (field.value[0] !== 0) flags.add(field.tag);
    } else throw refused('a scope that cannot be applied');
  }
  if (fullNames.length === 0) throw refused('an issuing distribution point without a full name');
  return { fullNames, onlyUserCertificates: flags.has(0x81), onlyCaCertificates: flags.has(0x82) };
}

/** DER of the full names of a DistributionPointName (RFC 5280 section 4.2.1.13). @throws VerificationError CRL_MALFORMED, DerError */
function distributionPointFullNames(name: Uint8Array): readonly Uint8Array[] {
  const choice = readDer(name);
  if (choice.tag !== 0xa0) throw refused('a distribution point named relative to its issuer');
  return children(choice, MAX_NAMES).map(({ raw }) => raw);
}

/**
 * Full names of a certificate's CRL distribution points extension (its DER value), of those points
 * that cover every reason and are kept by the certificate's own issuer.
 * @throws VerificationError CRL_MALFORMED, DerError
 */
export function certificateDistributionPoints(value: Uint8Array): readonly Uint8Array[] {
  return children(readDer(value, TAG.sequence), MAX_NAMES).flatMap((point) => {
    const fields = children(point, 3);
    const name = fields[0];
    return fields.length === 1 && name?.tag === 0xa0 && readDer(name.value).tag === 0xa0 ? distributionPointFullNames(name.value) : [];
  });
}

function refused(detail: string): VerificationError {
  return new VerificationError('CRL_MALFORMED', `revocation list: ${detail}`);
}

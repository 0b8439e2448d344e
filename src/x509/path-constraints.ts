import { children, DerError, oidText, readDer, TAG } from '../crypto/der.js';
import { VerificationError } from '../errors/verification-error.js';
import type { Certificate } from './certificate.js';

const OID = {
  subjectAltName: '2.5.29.17',
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** Extensions a certificate may mark critical, because path validation acts on them or cannot be misled by them. */
const UNDERSTOOD: ReadonlySet<string> = new Set([OID.subjectAltName, OID.keyUsage, OID.basicConstraints, OID.crlDistributionPoints, OID.extendedKeyUsage]);

/** What the extensions of one certificate allow (RFC 5280 section 4.2.1). */
export interface PathConstraints {
  readonly isCa: boolean;
  /** How many CAs may follow below, or null for no limit. */
  readonly pathLength: number | null;
  /** Object identifiers, or null when the extension is absent. */
  readonly extendedKeyUsage: readonly string[] | null;
  /** False only when a key usage is there and lacks cRLSign. */
  readonly maySignCrls: boolean;
  /** Value of the CRL distribution points extension, or null. */
  readonly crlDistributionPoints: Uint8Array | null;
}

/**
 * Reads what a path check needs from a certificate's extensions. Name constraints are not applied by
 * this verifier, so a certificate that has them is refused, critical or not.
 * @throws VerificationError CRITICAL_EXTENSION_UNKNOWN, EXTENSION_MALFORMED
 */
export function pathConstraintsOf(certificate: Certificate): PathConstraints {
  for (const [oid, { critical }] of certificate.extensions) {
    if ((critical && !UNDERSTOOD.has(oid)) || oid === OID.nameConstraints) {
      throw new VerificationError('CRITICAL_EXTENSION_UNKNOWN', `certificate extension ${oid} is not understood`);
    }
  }
  const value = (oid: string): Uint8Array | null => certificate.extensions.get(oid)?.value ?? null;
  try {
    const { isCa, pathLength } = readBasicConstraints(value(OID.basicConstraints));
    return {
      isCa,
      pathLength,
      extendedKeyUsage: readExtendedKeyUsage(value(OID.extendedKeyUsage)),
      maySignCrls: readMaySignCrls(value(OID.keyUsage)),
      crlDistributionPoints: value(OID.crlDistributionPoints),
    };
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new VerificationError('EXTENSION_MALFORMED', 'a certificate extension is malformed', { cause });
  }
}

function readBasicConstraints(value: Uint8Array | null): { isCa: boolean; pathLength: number | null } {
  const fields = value === null ? [] : children(readDer(value, TAG.sequence), 2);
  const isCa = fields[0]?.tag === TAG.boolean ? fields.shift()?.value[0] !== 0 : false;
  const limit = fields.shift();
  if (fields.length > 0) throw new DerError('unexpected element in basic constraints');
  if (limit === undefined) return { isCa, pathLength: null };
  const length = limit.value[0];
  if (limit.tag !== TAG.integer || limit.value.length !== 1 || length === undefined || length > 0x7f) throw new DerError('path length out of range');
  return { isCa, pathLength: length };
}

function readExtendedKeyUsage(value: Uint8Array | null): readonly string[] | null {
  return value === null ? null : children(readDer(value, TAG.sequence), 64).map(oidText);
}

/** cRLSign is bit 6 of the named bit list; other tools write it with superfluous zero bits (trap T22). */
function readMaySignCrls(value: Uint8Array | null): boolean {
  return value === null || ((readDer(value, TAG.bitString).value[1] ?? 0) & 0x02) !== 0;
}

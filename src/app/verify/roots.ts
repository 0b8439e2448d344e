import { createHash } from 'node:crypto';
import { vendorRoots } from '../../attestation/roots/vendor-roots.js';
import type { TrustRoots } from '../../attestation/trust-roots.js';
import { DstackError } from '../../errors/base.js';
import { type Certificate, parseCertificate } from '../../x509/certificate.js';
import { publicKeyOf } from '../../x509/path.js';
import { parsePemChain } from '../../x509/pem.js';
import type { Examination } from './examine.js';
import { VerifyInputError } from './input.js';

/** Explicit trust anchors by the technology they are for. */
export interface ExplicitRoots {
  readonly tdx: readonly Certificate[];
  readonly nitroEnclave: readonly Certificate[];
}

/** AWS signs enclaves with P-384, Intel quotes with P-256. */
const TECHNOLOGY: Readonly<Record<string, keyof ExplicitRoots>> = { prime256v1: 'tdx', secp384r1: 'nitroEnclave' };
const VENDORS: Readonly<Record<keyof ExplicitRoots, string>> = { tdx: 'Intel', nitroEnclave: 'AWS' };

/**
 * Reads one root certificate, PEM or DER.
 * @throws VerifyInputError INPUT_UNREADABLE
 */
export function readRoot(file: Uint8Array, path: string): Certificate {
  try {
    const text = Buffer.from(file).toString('latin1');
    const [der] = text.includes('-----BEGIN') ? parsePemChain(text, 1) : [file];
    if (der === undefined) throw new VerifyInputError('INPUT_UNREADABLE', `${path} holds no certificate`);
    return parseCertificate(der);
  } catch (cause) {
    if (cause instanceof DstackError) throw new VerifyInputError('INPUT_UNREADABLE', `${path} is not one certificate in PEM or DER`, { cause });
    throw cause;
  }
}

/** Sorts roots by what they can be for. @throws VerifyInputError INPUT_UNREADABLE for a root of neither curve */
export function assignRoots(roots: readonly Certificate[]): ExplicitRoots {
  const assigned: Record<keyof ExplicitRoots, Certificate[]> = { tdx: [], nitroEnclave: [] };
  for (const root of roots) {
    const technology = technologyOf(root);
    if (technology === null) throw new VerifyInputError('INPUT_UNREADABLE', 'a root certificate has neither a P-256 nor a P-384 key');
    assigned[technology].push(root);
  }
  return assigned;
}

/** One line per replaced vendor root, for the user to see. */
export function replacementWarnings(explicit: ExplicitRoots): string[] {
  return (['tdx', 'nitroEnclave'] as const).flatMap((technology) =>
    explicit[technology].map((root) => {
      const fingerprint = createHash('sha256').update(root.raw).digest('hex');
      return `WARNING: ${VENDORS[technology]}'s root is replaced by --root ${fingerprint}: evidence need not come from ${VENDORS[technology]} hardware`;
    }),
  );
}

/**
 * The sets of anchors to try, most promising first: every explicit root of the technology, those whose name
 * the evidence's certificates name as issuer before the others; the vendor's root when there is none.
 */
export function candidateRoots({ technology, certificates }: Pick<Examination, 'technology' | 'certificates'>, explicit: ExplicitRoots): TrustRoots[] {
  const vendor = vendorRoots();
  if (technology === null || explicit[technology].length === 0) return [vendor];
  const issuers = certificates().map((der) => Buffer.from(parseCertificate(der).issuerRaw));
  const isNamed = (root: Certificate): boolean => issuers.some((issuer) => issuer.equals(root.subjectRaw));
  const named = explicit[technology].filter(isNamed);
  const rest = explicit[technology].filter((root) => !isNamed(root));
  return [...named, ...rest].map((root) => ({ ...vendor, [technology]: root.raw }));
}

function technologyOf(root: Certificate): keyof ExplicitRoots | null {
  try {
    return TECHNOLOGY[publicKeyOf(root).asymmetricKeyDetails?.namedCurve ?? ''] ?? null;
  } catch (error) {
    if (error instanceof DstackError) return null;
    throw error;
  }
}

import { createHash } from 'node:crypto';
import { vendorRoots } from '../../attestation/roots/vendor-roots.js';
import type { TrustRoots } from '../../attestation/trust-roots.js';
import { DstackError } from '../../errors/base.js';
import { type Certificate, parseCertificate } from '../../x509/certificate.js';
import { publicKeyOf } from '../../x509/path.js';
import { parsePemChain } from '../../x509/pem.js';
import { VerifyInputError } from './input.js';

/** Technologies a root can be for, told by its key: Intel and development vTPMs use P-256, AWS and development SEV-SNP P-384, Google and AMD RSA. */
const TECHNOLOGIES: Readonly<Record<string, readonly (keyof TrustRoots)[]>> = { prime256v1: ['tdx', 'gcpTpm'], secp384r1: ['nitroEnclave', 'sevSnp'], rsa: ['gcpTpm', 'sevSnp'] };
const VENDORS: Readonly<Record<keyof TrustRoots, string>> = { tdx: 'Intel', nitroEnclave: 'AWS', gcpTpm: 'Google', sevSnp: 'AMD' };

/** Sets of anchors tried for one piece of evidence. */
const MAX_CANDIDATES = 64;

/** A trust anchor the evidence needs. */
export interface NeededAnchor {
  readonly technology: keyof TrustRoots;
  /** Certificates that lead to it, DER; their issuers' names hint at the anchor. @throws VerificationError */
  certificates(): readonly Uint8Array[];
}

/** An explicit root and what it can be for. */
export interface ExplicitRoot {
  readonly root: Certificate;
  readonly technologies: readonly (keyof TrustRoots)[];
}

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

/** Tells what each root can be for. @throws VerifyInputError INPUT_UNREADABLE for a root with a key no vendor uses */
export function assignRoots(roots: readonly Certificate[]): ExplicitRoot[] {
  return roots.map((root) => {
    const technologies = TECHNOLOGIES[keyKind(root) ?? ''];
    if (technologies === undefined) throw new VerifyInputError('INPUT_UNREADABLE', 'a root certificate has neither a P-256, a P-384 nor an RSA key');
    return { root, technologies };
  });
}

/** One line per root that replaces a vendor's, for the user to see. */
export function replacementWarnings(explicit: readonly ExplicitRoot[]): string[] {
  return explicit.map(({ root, technologies }) => {
    const fingerprint = createHash('sha256').update(root.raw).digest('hex');
    const vendors = technologies.map((technology) => VENDORS[technology]).join(' or ');
    return `WARNING: ${vendors}'s root is replaced by --root ${fingerprint}: evidence need not come from ${vendors} hardware`;
  });
}

/**
 * The sets of anchors to try, most promising first: for each anchor the evidence needs, every explicit root that can be
 * it, those whose name the evidence's certificates name as issuer before the others; the vendor's root when there is none.
 */
export function candidateRoots(needed: readonly NeededAnchor[], explicit: readonly ExplicitRoot[]): TrustRoots[] {
  let sets: TrustRoots[] = [vendorRoots()];
  for (const anchor of needed) {
    const roots = rootsFor(anchor, explicit);
    if (roots.length > 0) sets = sets.flatMap((set) => roots.map(({ raw }) => withRoot(set, anchor.technology, raw)));
  }
  return sets.slice(0, MAX_CANDIDATES);
}

/** A root of AMD's stands for every line of processors: which one it is of, its name says to people only. */
function withRoot(set: TrustRoots, technology: keyof TrustRoots, root: Uint8Array): TrustRoots {
  return { ...set, [technology]: technology === 'sevSnp' ? { Genoa: root, Milan: root, Turin: root } : root };
}

/** DER of the anchors that TDX and SGX evidence may lead to: explicit ones, or Intel's. */
export function tdxRoots(explicit: readonly ExplicitRoot[]): readonly Uint8Array[] {
  const roots = explicitRootsOf('tdx', explicit);
  return roots.length > 0 ? roots.map(({ raw }) => raw) : [vendorRoots().tdx];
}

/** Those of the explicit roots that can be for a technology. */
export function explicitRootsOf(technology: keyof TrustRoots, explicit: readonly ExplicitRoot[]): readonly Certificate[] {
  return explicit.filter(({ technologies }) => technologies.includes(technology)).map(({ root }) => root);
}

function rootsFor({ technology, certificates }: NeededAnchor, explicit: readonly ExplicitRoot[]): readonly Certificate[] {
  const roots = explicitRootsOf(technology, explicit);
  if (roots.length < 2) return roots;
  const issuers = certificates().map((der) => Buffer.from(parseCertificate(der).issuerRaw));
  const isNamed = (root: Certificate): boolean => issuers.some((issuer) => issuer.equals(root.subjectRaw));
  return [...roots.filter(isNamed), ...roots.filter((root) => !isNamed(root))];
}

/** `rsa`, or the curve as node names it; null for a key that cannot be used. */
function keyKind(root: Certificate): string | null {
  try {
    const key = publicKeyOf(root, 'ec-or-rsa');
    return key.asymmetricKeyType === 'rsa' ? 'rsa' : (key.asymmetricKeyDetails?.namedCurve ?? null);
  } catch (error) {
    if (error instanceof DstackError) return null;
    throw error;
  }
}

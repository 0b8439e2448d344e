import { VerificationError } from '../errors/verification-error.js';
import type { Certificate } from './certificate.js';
import { pathConstraintsOf } from './path-constraints.js';
import type { PathConstraints } from './path-constraints.js';
import { importSpki } from './public-key.js';
import type { RevocationChecker } from './revocation.js';
import { isSignedBy } from './signature.js';
import { assertWithin } from './time-window.js';
import type { TimeWindow } from './time-window.js';
import type { VerifyingKey } from './verifying-key.js';

/** Extended key usages paths are checked for. */
export const EKU_SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const EKU_CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** Kinds of public key a path may be made of. Vendors whose keys are all elliptic get nothing else. */
export type KeyKinds = 'ec' | 'ec-or-rsa';

const MAX_INTERMEDIATES = 6;
/** Certificates looked at before giving up: far above any honest chain, far below what an attacker could build. */
const MAX_STEPS = 64;

/** Remembers which certificates were found to be signed by which key: nothing else about them, and nothing about time. */
export interface SignatureMemory {
  isSignedBy(certificate: Certificate, issuerKey: VerifyingKey): boolean;
  remember(certificate: Certificate, issuerKey: VerifyingKey): void;
}

export interface PathRequest {
  readonly leaf: Certificate;
  /** Candidates in any order; may hold certificates that are not needed, the root among them. */
  readonly intermediates: readonly Certificate[];
  /** Only its name and key are used; it is not checked for validity (spec/attestation.md section 6.4). */
  readonly anchor: Certificate;
  /** Unix seconds. */
  readonly now: number;
  /** Must be listed by every certificate of the path that has an extended key usage at all; null: any will do. */
  readonly extendedKeyUsage: string | null;
  /** null: revocation is not checked. */
  readonly revocation: RevocationChecker | null;
  /** `ec` unless given. */
  readonly keys?: KeyKinds;
  /** Saves verifying the same signatures again. */
  readonly memory?: SignatureMemory;
}

export interface VerifiedPath {
  readonly leafKey: VerifyingKey;
  /** From the leaf upwards, without the trust anchor. */
  readonly certificates: readonly Certificate[];
  /** Validity of each certificate from the leaf upwards, then of the revocation lists from the anchor downwards. */
  readonly windows: readonly TimeWindow[];
}

interface Link {
  readonly certificate: Certificate;
  readonly constraints: PathConstraints;
  readonly window: TimeWindow;
}

/**
 * Finds a path from the leaf to the trust anchor by issuer and subject names (compared as DER) and checks it: validity times, CA flags, path
 * lengths, extended key usage, signatures, revocation (spec/attestation.md section 6.4).
 * @throws VerificationError of the X.509 codes; when several paths were tried, what was wrong with the first
 */
export function verifyPath(request: PathRequest): VerifiedPath {
  const search = new PathSearch(request);
  const found = search.extend([], request.leaf);
  if (found !== null) return found;
  throw search.firstError ?? new VerificationError('ISSUER_UNKNOWN', 'a certificate chain does not lead to the trust anchor');
}

class PathSearch {
  readonly #request: PathRequest;
  #steps = 0;
  firstError: VerificationError | null = null;

  constructor(request: PathRequest) {
    this.#request = request;
  }

  /** The verified path through `below` (leaf first) and `certificate`, or null when there is none. */
  extend(below: readonly Link[], certificate: Certificate): VerifiedPath | null {
    if (++this.#steps > MAX_STEPS) throw new VerificationError('PATH_TOO_COMPLEX', `no certificate path found in ${MAX_STEPS} steps`);
    try {
      const path = [...below, checkLink(certificate, below.length, this.#request)];
      if (sameBytes(certificate.issuerRaw, this.#request.anchor.subjectRaw)) return verifySignatures(path, this.#request);
      return this.#through(path, certificate);
    } catch (error) {
      if (!(error instanceof VerificationError) || error.code === 'PATH_TOO_COMPLEX') throw error;
      this.firstError ??= error;
      return null;
    }
  }

  #through(path: readonly Link[], certificate: Certificate): VerifiedPath | null {
    if (path.length > MAX_INTERMEDIATES) throw new VerificationError('PATH_TOO_COMPLEX', `more than ${MAX_INTERMEDIATES} intermediate certificates`);
    for (const issuer of this.#request.intermediates) {
      const isLoop = path.some((link) => link.certificate === issuer);
      if (isLoop || !sameBytes(issuer.subjectRaw, certificate.issuerRaw)) continue;
      const found = this.extend(path, issuer);
      if (found !== null) return found;
    }
    return null;
  }
}

/** Everything that depends on one certificate and its place alone. `position` 0 is the leaf. */
function checkLink(certificate: Certificate, position: number, request: PathRequest): Link {
  const constraints = pathConstraintsOf(certificate);
  const window: TimeWindow = {
    from: certificate.notBefore,
    until: certificate.notAfter,
    early: 'CERTIFICATE_NOT_YET_VALID',
    late: 'CERTIFICATE_EXPIRED',
    subject: 'certificate',
  };
  assertWithin(window, request.now);
  if (position === 0 && constraints.isCa) throw new VerificationError('CA_USED_AS_END_ENTITY', 'CaUsedAsEndEntity: a CA certificate stands where a leaf must');
  if (position > 0 && !constraints.isCa) throw new VerificationError('END_ENTITY_USED_AS_CA', 'a certificate that is not a CA issued another');
  // Below an issuer at `position` lie the leaf and position - 1 further CAs.
  if (constraints.pathLength !== null && position - 1 > constraints.pathLength) {
    throw new VerificationError('PATH_LENGTH_EXCEEDED', 'a CA certificate allows fewer certificates below it');
  }
  const { extendedKeyUsage } = request;
  if (extendedKeyUsage !== null && constraints.extendedKeyUsage?.includes(extendedKeyUsage) === false) {
    throw new VerificationError('EXTENDED_KEY_USAGE_MISSING', `a certificate is not for extended key usage ${extendedKeyUsage}`);
  }
  return { certificate, constraints, window };
}

/** From the anchor down, so that no key is used before it was vouched for. */
function verifySignatures(path: readonly Link[], { anchor, revocation, now, keys = 'ec', memory }: PathRequest): VerifiedPath {
  const windows = path.map(({ window }) => window);
  let issuer = { key: publicKeyOf(anchor, keys), maySignCrls: true };
  for (const { certificate, constraints } of path.toReversed()) {
    checkSignature(certificate, issuer.key, memory);
    if (revocation !== null) windows.push(revocation.check(certificate, constraints, issuer, now));
    issuer = { key: publicKeyOf(certificate, keys), maySignCrls: constraints.maySignCrls };
  }
  return { leafKey: issuer.key, certificates: path.map(({ certificate }) => certificate), windows };
}

function checkSignature(certificate: Certificate, issuerKey: VerifyingKey, memory: SignatureMemory | undefined): void {
  if (memory?.isSignedBy(certificate, issuerKey) === true) return;
  if (!isSignedBy(certificate, issuerKey)) throw new VerificationError('CERTIFICATE_SIGNATURE_INVALID', 'a certificate is not signed by its issuer');
  memory?.remember(certificate, issuerKey);
}

const importedKeys = new WeakMap<Certificate, VerifyingKey>();

/**
 * The certificate's public key, imported once per Certificate object (an import costs as much as a verification).
 * @throws VerificationError PUBLIC_KEY_UNSUPPORTED for a key that cannot be used, or is not of the kinds asked for
 */
export function publicKeyOf(certificate: Certificate, keys: KeyKinds = 'ec'): VerifyingKey {
  const known = importedKeys.get(certificate);
  const key = known ?? importSpki(certificate.spki);
  if (known === undefined) importedKeys.set(certificate, key);
  if (keys === 'ec' && key.asymmetricKeyType !== 'ec') throw new VerificationError('PUBLIC_KEY_UNSUPPORTED', 'a certificate has an RSA key, where only P-256 and P-384 are used');
  return key;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

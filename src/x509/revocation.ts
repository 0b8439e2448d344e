import { DerError } from '../crypto/der.js';
import { VerificationError } from '../errors/verification-error.js';
import type { Certificate } from './certificate.js';
import { serialKey } from './crl.js';
import type { RevocationList } from './crl.js';
import { certificateDistributionPoints } from './issuing-distribution-point.js';
import type { PathConstraints } from './path-constraints.js';
import { verifySignature } from './signature.js';
import { assertWithin } from './time-window.js';
import type { TimeWindow } from './time-window.js';
import { isSameKey, type VerifyingKey } from './verifying-key.js';

/** The key that issued a certificate and therefore its revocation list. */
export interface CrlIssuer {
  readonly key: VerifyingKey;
  /** False when its key usage forbids signing revocation lists. Always true for a trust anchor. */
  readonly maySignCrls: boolean;
}

/**
 * What becomes of a certificate that no list covers: refused, or let through when it does not say that there is a
 * list. One that names a distribution point always needs its list.
 */
export type UnlistedCertificates = 'refused' | 'allowed-without-distribution-point';

const ALWAYS: TimeWindow = { from: Number.MIN_SAFE_INTEGER, until: Number.MAX_SAFE_INTEGER, early: 'CRL_EXPIRED', late: 'CRL_EXPIRED', subject: 'revocation list' };

/**
 * Revocation by a fixed set of lists: every certificate needs a list of its issuer, and unknown means
 * refused (spec/attestation.md section 6.4) unless asked for otherwise. Which list was found to be signed by which key is
 * remembered, as one root list serves every path of a verification.
 */
export class RevocationChecker {
  readonly #lists: readonly RevocationList[];
  readonly #unlisted: UnlistedCertificates;
  readonly #signedBy = new WeakMap<RevocationList, VerifyingKey>();

  constructor(lists: readonly RevocationList[], unlisted: UnlistedCertificates = 'refused') {
    this.#lists = lists;
    this.#unlisted = unlisted;
  }

  /**
   * @param now unix seconds
   * @returns the time during which the list that clears the certificate may be relied on
   * @throws VerificationError CRL_NOT_FOUND, CRL_SIGNER_NOT_ALLOWED, CRL_SIGNATURE_INVALID, CRL_EXPIRED, CERTIFICATE_REVOKED
   */
  check(certificate: Certificate, constraints: PathConstraints, issuer: CrlIssuer, now: number): TimeWindow {
    const list = this.#lists.find((candidate) => coversCertificate(candidate, certificate, constraints));
    if (list === undefined && this.#unlisted !== 'refused' && constraints.crlDistributionPoints === null) return ALWAYS;
    if (list === undefined) throw new VerificationError('CRL_NOT_FOUND', 'no revocation list for a certificate: its revocation status is unknown');
    if (!issuer.maySignCrls) throw new VerificationError('CRL_SIGNER_NOT_ALLOWED', 'the issuer may not sign revocation lists');
    this.#checkSignature(list, issuer.key);
    // A list expires at nextUpdate, where a certificate is still valid at notAfter (trap T18).
    const window: TimeWindow = { from: Number.MIN_SAFE_INTEGER, until: list.nextUpdate - 1, early: 'CRL_EXPIRED', late: 'CRL_EXPIRED', subject: 'revocation list' };
    assertWithin(window, now);
    if (list.revokedSerials.has(serialKey(certificate.serial))) throw new VerificationError('CERTIFICATE_REVOKED', 'a certificate is revoked');
    return window;
  }

  #checkSignature(list: RevocationList, key: VerifyingKey): void {
    const known = this.#signedBy.get(list);
    if (known !== undefined && isSameKey(known, key)) return;
    if (!verifySignature(key, list.signatureAlgorithmOid, list.tbs, list.signature)) {
      throw new VerificationError('CRL_SIGNATURE_INVALID', 'a revocation list is not signed by the issuer it names');
    }
    this.#signedBy.set(list, key);
  }
}

function coversCertificate(list: RevocationList, certificate: Certificate, constraints: PathConstraints): boolean {
  if (Buffer.compare(list.issuerRaw, certificate.issuerRaw) !== 0) return false;
  const scope = list.issuingDistributionPoint;
  if (scope === null) return true;
  if (constraints.isCa ? scope.onlyUserCertificates : scope.onlyCaCertificates) return false;
  return distributionPointsOf(constraints).some((name) => scope.fullNames.some((candidate) => Buffer.compare(candidate, name) === 0));
}

function distributionPointsOf({ crlDistributionPoints }: PathConstraints): readonly Uint8Array[] {
  try {
    return crlDistributionPoints === null ? [] : certificateDistributionPoints(crlDistributionPoints);
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new VerificationError('EXTENSION_MALFORMED', 'the CRL distribution points of a certificate are malformed', { cause });
  }
}

import { BoundedMap } from '../../cache/bounded-map.js';
import { CertificateMemory } from '../certificate-memory.js';
import { checkCollateral, type CheckedCollateral } from '../dcap/checked-collateral.js';
import type { CollateralRequest, QuoteCollateral } from '../collateral.js';

/** Kinds of platform (TEE, FMSPC and CA) remembered; a fleet has a handful. */
const REMEMBERED = { capacity: 32, maxKeyLength: 64 };

interface Entry {
  readonly collateral: QuoteCollateral;
  readonly root: Uint8Array;
  readonly checked: CheckedCollateral;
}

/**
 * Keeps collateral whose signatures were found good, per kind of platform, so that only the first quote pays
 * for them. Nothing about time is remembered: whoever uses an entry has its validity checked again. An
 * entry is used only for the very same collateral under the same root.
 */
export class VerifierCache {
  /** Of whatever technology: who signed a certificate does not depend on what it is for. */
  readonly certificates = new CertificateMemory();
  readonly #entries = new BoundedMap<Entry>(REMEMBERED);

  /**
   * `checkCollateral`, or what it returned for the same input before.
   * @param options.now unix seconds
   * @throws VerificationError as `checkCollateral`
   */
  checked(request: CollateralRequest, collateral: QuoteCollateral, options: { readonly root: Uint8Array; readonly now: number }): CheckedCollateral {
    const key = `${request.tee}:${Buffer.from(request.fmspc).toString('hex')}:${request.ca}`;
    const known = this.#entries.get(key);
    if (known !== undefined && same(known, collateral, options.root)) return known.checked;
    const checked = checkCollateral(collateral, { ...options, memory: this.certificates });
    this.#entries.set(key, { collateral, root: options.root, checked });
    return checked;
  }
}

function same(known: Entry, collateral: QuoteCollateral, root: Uint8Array): boolean {
  if (Buffer.compare(known.root, root) !== 0) return false;
  if (known.collateral === collateral) return true;
  const a = known.collateral;
  return (
    a.tcbInfo === collateral.tcbInfo &&
    a.tcbInfoIssuerChain === collateral.tcbInfoIssuerChain &&
    a.qeIdentity === collateral.qeIdentity &&
    a.qeIdentityIssuerChain === collateral.qeIdentityIssuerChain &&
    a.pckCertificateChain === collateral.pckCertificateChain &&
    Buffer.compare(a.tcbInfoSignature, collateral.tcbInfoSignature) === 0 &&
    Buffer.compare(a.qeIdentitySignature, collateral.qeIdentitySignature) === 0 &&
    Buffer.compare(a.rootCaCrl, collateral.rootCaCrl) === 0 &&
    Buffer.compare(a.pckCrl, collateral.pckCrl) === 0
  );
}

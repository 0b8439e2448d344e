import { BoundedMap } from '../../cache/bounded-map.js';
import { CertificateMemory } from '../certificate-memory.js';
import { checkCollateral, type CheckedCollateral } from '../dcap/checked-collateral.js';
import { type CollateralRequest, type QuoteCollateral, sameCollateral } from '../collateral.js';

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
    if (known !== undefined && Buffer.compare(known.root, options.root) === 0 && sameCollateral(known.collateral, collateral)) return known.checked;
    const checked = checkCollateral(collateral, { root: options.root, now: options.now, memory: this.certificates });
    this.#entries.set(key, { collateral, root: options.root, checked });
    return checked;
  }
}

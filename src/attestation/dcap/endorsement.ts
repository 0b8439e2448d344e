import type { KeyObject } from 'node:crypto';
import { assertAllWithin } from '../../x509/time-window.js';
import type { QuoteAuth } from '../tdx/quote-auth.js';
import type { CheckedCollateral } from './checked-collateral.js';
import { checkPck } from './pck-chain.js';
import type { CheckedPck } from './pck-chain.js';
import { checkQuotingEnclave } from './qe-report.js';
import { importRawP256 } from './raw-p256.js';
import type { TcbJudgement } from './tcb-status.js';

/** An attestation key that a genuine quoting enclave on a certified platform vouches for. */
export interface Endorsement {
  readonly pck: CheckedPck;
  readonly qeStatus: TcbJudgement;
  /** null when the key is not a point on the curve: such a key verifies nothing. */
  readonly attestationKey: KeyObject | null;
}

/**
 * Steps 5 to 8 of spec/attestation.md section 6.3. A quoting enclave keeps its key for a long time, so the same bytes
 * come with every quote of a platform: what they proved is remembered, their validity in time is checked every time.
 * @param now unix seconds
 * @throws VerificationError
 */
export function checkEndorsement(checked: CheckedCollateral, auth: QuoteAuth, now: number): Endorsement {
  const bytes = auth.endorsement;
  const memoryKey = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const known = checked.memory.endorsements.get(memoryKey);
  if (known !== undefined) {
    assertAllWithin(known.pck.windows, now);
    return known;
  }
  const pck = checkPck(checked, auth.certification, now);
  const qeStatus = checkQuotingEnclave(auth, pck.key, checked.qeIdentity);
  const endorsement: Endorsement = { pck, qeStatus, attestationKey: importRawP256(auth.attestationKey) };
  checked.memory.endorsements.set(memoryKey, endorsement);
  return endorsement;
}

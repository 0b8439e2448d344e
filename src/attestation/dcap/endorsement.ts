import { P256PublicKey } from '../../crypto/p256-public-key.js';
import { assertAllWithin } from '../../x509/time-window.js';
import type { QuoteAuth } from '../tdx/quote-auth.js';
import type { CheckedCollateral } from './checked-collateral.js';
import { checkPck, MAX_REMEMBERED_LENGTH } from './pck-chain.js';
import type { CheckedPck } from './pck-chain.js';
import { checkQuotingEnclave } from './qe-report.js';
import type { TcbJudgement } from './tcb-status.js';

/** An attestation key that a genuine quoting enclave on a certified platform vouches for. */
export interface Endorsement {
  /** Exactly what was looked at, of its own. */
  readonly bytes: Uint8Array;
  readonly pck: CheckedPck;
  readonly qeStatus: TcbJudgement;
  /** null when the key is not a point on the curve: such a key verifies nothing. */
  readonly attestationKey: P256PublicKey | null;
}

/**
 * Steps 5 to 8 of spec/attestation.md section 6.3. A quoting enclave keeps its key for a long time, so the same bytes
 * come with every quote of a platform: what they proved is remembered, their validity in time is checked every time.
 * @param now unix seconds
 * @throws VerificationError
 */
export function checkEndorsement(checked: CheckedCollateral, auth: QuoteAuth, now: number): Endorsement {
  const { endorsement: bytes } = auth;
  // The signature of the QE report is enough to find it by. Whether it is the same is for all of its bytes to say.
  const memoryKey = Buffer.from(auth.qeReportSignature.buffer, auth.qeReportSignature.byteOffset, auth.qeReportSignature.length).toString('latin1');
  const known = checked.memory.endorsements.get(memoryKey);
  if (known !== undefined && Buffer.compare(known.bytes, bytes) === 0) {
    assertAllWithin(known.pck.windows, now);
    return known;
  }
  const pck = checkPck(checked, auth.certification, now);
  const qeStatus = checkQuotingEnclave(auth, pck.key, checked.qeIdentity);
  const endorsement: Endorsement = { bytes: new Uint8Array(bytes), pck, qeStatus, attestationKey: P256PublicKey.from(auth.attestationKey) };
  if (bytes.length <= MAX_REMEMBERED_LENGTH) checked.memory.endorsements.set(memoryKey, endorsement);
  return endorsement;
}

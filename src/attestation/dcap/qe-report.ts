import { sha256 } from '../../crypto/sha256.js';
import { VerificationError } from '../../errors/verification-error.js';
import type { VerifyingKey } from '../../x509/verifying-key.js';
import type { QuoteAuth } from '../tdx/quote-auth.js';
import { isDebugEnclave } from '../tdx/sgx-report.js';
import type { SgxReport } from '../tdx/sgx-report.js';
import { equalBytes, maskedEqual } from './masked-equal.js';
import type { QeIdentity } from './qe-identity.js';
import { verifyP256 } from './raw-p256.js';
import type { TcbJudgement } from './tcb-status.js';

/** Intel allows any length; every quoting enclave in the field writes 32 (trap T30). */
const QE_AUTH_DATA_LENGTH = 32;

/**
 * Is the attestation key vouched for by a quoting enclave on the platform of `pckKey`, and is that enclave
 * the one Intel describes? Steps 6, 7 and 8 of spec/attestation.md section 6.3, in that order.
 * @returns the status of the quoting enclave
 * @throws VerificationError with one of the QE_… codes
 */
export function checkQuotingEnclave(auth: QuoteAuth, pckKey: VerifyingKey, identity: QeIdentity): TcbJudgement {
  checkQeReport(auth, pckKey);
  checkPolicy(auth.qeReport, identity);
  const level = identity.tcbLevels.find(({ isvSvn }) => auth.qeReport.isvSvn >= isvSvn);
  if (level === undefined) {
    throw new VerificationError('QE_TCB_LEVEL_NOT_FOUND', `no QE TCB level for ISV SVN ${auth.qeReport.isvSvn}`);
  }
  return { status: level.status, tcbDate: level.tcbDate, advisoryIds: level.advisoryIds };
}

/**
 * Does some enclave on the platform of `pckKey` vouch for the attestation key? Steps 6 and 7, which need no collateral.
 * @throws VerificationError QE_REPORT_SIGNATURE_INVALID, QE_AUTH_DATA_LENGTH, QE_REPORT_DATA_MISMATCH
 */
export function checkQeReport(auth: QuoteAuth, pckKey: VerifyingKey): void {
  if (!verifyP256(pckKey, auth.qeReport.raw, auth.qeReportSignature)) {
    throw new VerificationError('QE_REPORT_SIGNATURE_INVALID', 'the QE report is not signed by the PCK key');
  }
  checkKeyBinding(auth);
}

/** The enclave puts a digest of the key it made into its own report; the upper half is free. */
function checkKeyBinding(auth: QuoteAuth): void {
  if (auth.qeAuthData.length !== QE_AUTH_DATA_LENGTH) {
    throw new VerificationError('QE_AUTH_DATA_LENGTH', `QE authentication data of ${auth.qeAuthData.length} bytes instead of ${QE_AUTH_DATA_LENGTH}`);
  }
  const digest = sha256(auth.attestationKey, auth.qeAuthData);
  if (!equalBytes(digest, auth.qeReport.reportData.subarray(0, 32))) {
    throw new VerificationError('QE_REPORT_DATA_MISMATCH', 'the QE report is not about the attestation key of this quote');
  }
}

function checkPolicy(report: SgxReport, identity: QeIdentity): void {
  if (!equalBytes(report.mrSigner, identity.mrSigner)) throw new VerificationError('QE_MRSIGNER_MISMATCH', 'the QE is not signed by the expected signer');
  if (isDebugEnclave(report)) throw new VerificationError('QE_DEBUG', 'Debug mode is enabled in the QE');
  if (report.isvProdId !== identity.isvProdId) {
    throw new VerificationError('QE_ISVPRODID_MISMATCH', `QE product ${report.isvProdId} instead of ${identity.isvProdId}`);
  }
  if (((report.miscSelect ^ identity.miscSelect) & identity.miscSelectMask) !== 0) {
    throw new VerificationError('QE_MISCSELECT_MISMATCH', 'the QE has another MISCSELECT than its identity');
  }
  if (!maskedEqual(report.attributes, identity.attributes, identity.attributesMask)) {
    throw new VerificationError('QE_ATTRIBUTES_MISMATCH', 'the QE has other attributes than its identity');
  }
}

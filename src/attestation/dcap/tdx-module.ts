import { VerificationError } from '../../errors/verification-error.js';
import type { TdReport } from '../tdx/quote.js';
import { equalBytes, maskedEqual } from './masked-equal.js';
import type { TcbInfo, TdxModule, TdxModuleIdentity } from './tcb-info.js';
import type { TcbJudgement } from './tcb-status.js';

/**
 * Is the TDX module one Intel signed, and how old is it? Step 11 of spec/attestation.md section 6.3.
 * @returns the status of the module's own level, or null where only the base module of the TCB info applies
 * @throws VerificationError with one of the TDX_MODULE_… codes
 */
export function judgeTdxModule(tcbInfo: TcbInfo, report: TdReport): TcbJudgement | null {
  if (tcbInfo.tdxModule === null) throw new VerificationError('TDX_MODULE_MISSING', 'the TCB info does not describe the TDX module');
  const [isvSvn = 0, majorVersion = 0] = report.teeTcbSvn;
  const identity = majorVersion > 0 && tcbInfo.tdxModuleIdentities.length > 0 ? findIdentity(tcbInfo.tdxModuleIdentities, majorVersion) : null;
  checkModule(report, identity ?? tcbInfo.tdxModule);
  if (identity === null) return null;
  const level = identity.tcbLevels.find((candidate) => isvSvn >= candidate.isvSvn);
  if (level === undefined) {
    throw new VerificationError('TDX_MODULE_TCB_LEVEL_NOT_FOUND', `no level of TDX module ${identity.id} for ISV SVN ${isvSvn}`);
  }
  return { status: level.status, tcbDate: level.tcbDate, advisoryIds: level.advisoryIds };
}

function findIdentity(identities: readonly TdxModuleIdentity[], majorVersion: number): TdxModuleIdentity {
  const id = `TDX_${majorVersion.toString(16).padStart(2, '0').toUpperCase()}`;
  const identity = identities.find((candidate) => candidate.id.toUpperCase() === id);
  if (identity === undefined) throw new VerificationError('TDX_MODULE_IDENTITY_NOT_FOUND', `the TCB info does not know TDX module ${id}`);
  return identity;
}

function checkModule(report: TdReport, expected: TdxModule): void {
  if (!equalBytes(report.mrSignerSeam, expected.mrSigner)) {
    throw new VerificationError('TDX_MODULE_MRSIGNER_MISMATCH', 'the TDX module is not signed by the expected signer');
  }
  const outsideMask = report.seamAttributes.some((byte, i) => (byte & ~(expected.attributesMask[i] ?? 0)) !== 0);
  if (outsideMask || !maskedEqual(report.seamAttributes, expected.attributes, expected.attributesMask)) {
    throw new VerificationError('TDX_MODULE_ATTRIBUTES_MISMATCH', 'the TDX module has other attributes than expected');
  }
}

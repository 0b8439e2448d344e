import { VerificationError } from '../../errors/verification-error.js';
import type { PckExtension } from '../tdx/pck-extension.js';
import type { TdReport } from '../tdx/quote.js';
import type { SgxReport } from '../tdx/sgx-report.js';
import { equalBytes } from './masked-equal.js';
import type { TcbInfo } from './tcb-info.js';
import type { TcbJudgement } from './tcb-status.js';

const COMPONENTS = 16;

/**
 * Which status do the platform's versions have? Step 10 of spec/attestation.md section 6.3: the first
 * (highest) level of which no version is above the platform's. For TDX all sixteen module components
 * are compared (trap T11).
 * @throws VerificationError FMSPC_MISMATCH, TCB_INFO_NOT_FOR_TEE, TCB_COMPONENT_COUNT, TCB_LEVEL_NOT_FOUND
 */
export function judgePlatform(tcbInfo: TcbInfo, pck: PckExtension, report: TdReport | SgxReport): TcbJudgement {
  if (!equalBytes(tcbInfo.fmspc, pck.fmspc)) throw new VerificationError('FMSPC_MISMATCH', 'Fmspc mismatch: the TCB info is of another platform family');
  checkKind(tcbInfo, report);
  const level = tcbInfo.tcbLevels.find(
    ({ pceSvn, sgxComponents, tdxComponents }) =>
      pck.pceSvn >= pceSvn &&
      reaches(pck.cpuSvn, sgxComponents, 'SGX') &&
      (report.kind === 'sgx' || reaches(report.teeTcbSvn, tdxComponents, 'TDX')),
  );
  if (level === undefined) throw new VerificationError('TCB_LEVEL_NOT_FOUND', 'No matching TCB level found');
  return { status: level.status, tcbDate: level.tcbDate, advisoryIds: level.advisoryIds };
}

function checkKind({ id, version }: TcbInfo, report: TdReport | SgxReport): void {
  const fits = report.kind === 'sgx' ? id === 'SGX' && version >= 2 : id === 'TDX' && version >= 3;
  if (!fits) throw new VerificationError('TCB_INFO_NOT_FOR_TEE', `TCB info "${id}" version ${version} does not judge ${report.kind === 'sgx' ? 'SGX' : 'TDX'}`);
}

function reaches(actual: Uint8Array, required: readonly number[], kind: 'SGX' | 'TDX'): boolean {
  if (required.length !== COMPONENTS) {
    throw new VerificationError('TCB_COMPONENT_COUNT', `${kind} component count mismatch: ${required.length} instead of ${COMPONENTS}`);
  }
  return required.every((svn, i) => (actual[i] ?? -1) >= svn);
}

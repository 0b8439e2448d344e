import { VerificationError } from '../../errors/verification-error.js';
import { mrConfigHostData, parseMrConfig } from '../sev-snp/mr-config.js';
import { parseSnpReport, type SnpReport } from '../sev-snp/report.js';
import { type SnpOptions, verifySnpReport } from '../sev-snp/verify.js';
import type { Attestation, PlatformEvidence } from './attestation.js';
import type { VerifiedAttestation } from './verified.js';

/**
 * An SEV-SNP attestation: the report, its report data, and HOST_DATA, which stands for the exact text of the document beside it
 * (spec/attestation.md section 5.2). The run-time events are bound to nothing (trap T28) and say nothing here.
 * @throws as `verifySnpReport`; VerificationError REPORT_DATA_MISMATCH, SNP_HOST_DATA_MISMATCH, MR_CONFIG_MALFORMED
 */
export async function verifySevSnp(attestation: Attestation, platform: Extract<PlatformEvidence, { kind: 'sev-snp' }>, options: SnpOptions): Promise<VerifiedAttestation> {
  const report = parseSnpReport(platform.report);
  if (Buffer.compare(report.reportData, attestation.stack.reportData) !== 0) throw new VerificationError('REPORT_DATA_MISMATCH', 'amd sev-snp report_data mismatch');
  checkHostData(report, platform.mrConfig);
  const mrConfig = parseMrConfig(platform.mrConfig);
  const { tcbStatus, validUntil } = await verifySnpReport(report, platform.certChain, options);
  return {
    variant: 'dstack-amd-sev-snp',
    attestation,
    reportData: report.reportData,
    platform: { kind: 'sev-snp', report, mrConfig },
    tcbStatus,
    advisoryIds: [],
    tcb: null,
    verifiedAt: options.now,
    validUntil,
  };
}

function checkHostData({ hostData }: SnpReport, document: string): void {
  const quoted = Buffer.from(hostData);
  const expected = Buffer.from(mrConfigHostData(document));
  if (quoted.equals(expected)) return;
  throw new VerificationError('SNP_HOST_DATA_MISMATCH', `amd sev-snp HOST_DATA mismatch, quoted: ${quoted.toString('hex')}, expected: ${expected.toString('hex')}`);
}

import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { NativeBinding } from '../../native/binding.js';
import type { Attestation } from '../evidence/attestation.js';
import type { EvidenceSource } from '../evidence/evidence-source.js';
import { parseCertificateTable } from '../sev-snp/certificate-table.js';
import { parseMrConfig } from '../sev-snp/mr-config.js';
import { SNP_REPORT_LENGTH } from '../sev-snp/report.js';
import { exists } from './device-file.js';
import { createDeviceSource } from './device-source.js';
import { RUNTIME_EVENT_PATHS, createRuntimeEventLog, type RuntimeEventPaths } from './runtime-events.js';
import { readSnpTsmReport, type SnpTsmReport } from './snp-tsm.js';

const REPORT_DATA_OFFSET = 0x50;

export interface SnpPaths {
  /** `/sys/kernel/config/tsm/report`. */
  readonly tsmBase: string;
  /** `/dev/sev-guest`. */
  readonly sevGuest: string;
  readonly runtimeEvents: RuntimeEventPaths;
}

export const SNP_PATHS: SnpPaths = { tsmBase: '/sys/kernel/config/tsm/report', sevGuest: '/dev/sev-guest', runtimeEvents: RUNTIME_EVENT_PATHS };

/** Milliseconds; as those of TdxTimes. */
export interface SnpTimes {
  readonly reportDeadlineMs: number;
  readonly attestDeadlineMs: number;
  readonly lockDeadlineMs: number;
  readonly emitTurnDeadlineMs: number;
}

export const SNP_TIMES: SnpTimes = { reportDeadlineMs: 60_000, attestDeadlineMs: 120_000, lockDeadlineMs: 30_000, emitTurnDeadlineMs: 60_000 };

export interface SnpDeviceOptions {
  readonly native: Pick<NativeBinding, 'snpExtendedReport' | 'lockFile'>;
  readonly paths: SnpPaths;
  readonly times: SnpTimes;
  /** configfs-tsm entry of this process alone: `dstack-<process id>`. */
  readonly entryName: string;
  /** The document HOST_DATA stands for, as the host gave it. */
  readonly mrConfig: string;
  /** `vm_config` of the system configuration, as it stands there; "" when there is none. */
  readonly config: string;
  readonly maxWaiting: number;
}

/**
 * Evidence of an AMD SEV-SNP guest (spec/attestation.md sections 1.9 and 1.10). Its run-time events are logged, but nothing measures them:
 * they are no part of the evidence.
 * @throws EvidenceSourceError DEVICE_ABSENT without the document, DEVICE_FAILED for one that nobody could verify
 */
export function createSnpEvidenceSource(options: SnpDeviceOptions): EvidenceSource {
  const { native, paths, times, maxWaiting } = options;
  checkMrConfig(options.mrConfig);
  const log = createRuntimeEventLog({
    native,
    paths: paths.runtimeEvents,
    extend: async () => {},
    lockDeadlineMs: times.lockDeadlineMs,
    turnDeadlineMs: times.emitTurnDeadlineMs,
    maxWaiting,
  });

  async function attest(reportData: Buffer): Promise<Attestation> {
    const { report, certificates } = await makeReport(options, reportData);
    return {
      wire: 'v0',
      platform: { kind: 'sev-snp', report, certChain: certificates.length === 0 ? [] : [certificates], mrConfig: options.mrConfig },
      stack: { kind: 'dstack', reportData, runtimeEvents: [], config: options.config, reportDataPayload: null },
    };
  }

  return createDeviceSource({ variant: 'dstack-amd-sev-snp', attest, nsmDocument: null, emitEvent: log.emit }, { deadlineMs: times.attestDeadlineMs, maxWaiting });
}

function checkMrConfig(document: string): void {
  if (document === '') throw new EvidenceSourceError('DEVICE_ABSENT', 'the system configuration has no mr_config, without which SEV-SNP evidence says nothing of the application');
  try {
    parseMrConfig(document);
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', 'mr_config of the system configuration is malformed', { cause });
  }
}

/** configfs-tsm; the device itself where that is missing, and where it may have the certificates the other did not. */
async function makeReport({ native, paths, times, entryName }: SnpDeviceOptions, reportData: Buffer): Promise<SnpTsmReport> {
  const found = await readSnpTsmReport(paths.tsmBase, entryName, reportData);
  const checked = found === null ? null : aboutReportData(found, reportData);
  if (checked !== null && checked.certificates.length > 0) return checked;
  if (!(await exists(paths.sevGuest))) {
    if (checked !== null) return checked;
    throw new EvidenceSourceError('DEVICE_ABSENT', `neither ${paths.tsmBase} nor ${paths.sevGuest} exists`);
  }
  try {
    const { report, certificates } = await native.snpExtendedReport({ devicePath: paths.sevGuest, reportData, deadlineMs: times.reportDeadlineMs });
    const extended = aboutReportData({ report, certificates: trimTable(certificates) }, reportData);
    return checked === null || extended.certificates.length > 0 ? extended : checked;
  } catch (error) {
    // A report without certificates is as good: whoever verifies can have them from AMD.
    if (checked !== null && error instanceof EvidenceSourceError) return checked;
    throw error;
  }
}

function aboutReportData(found: SnpTsmReport, reportData: Buffer): SnpTsmReport {
  const { report } = found;
  if (report.length !== SNP_REPORT_LENGTH) throw new EvidenceSourceError('DEVICE_FAILED', `an SEV-SNP report of ${report.length} bytes, not ${SNP_REPORT_LENGTH}`);
  if (reportData.equals(report.subarray(REPORT_DATA_OFFSET, REPORT_DATA_OFFSET + reportData.length))) return found;
  throw new EvidenceSourceError('DEVICE_FAILED', 'the SEV-SNP report is about other report data than was asked for');
}

/** Without the padding behind the last entry; empty for a table without entries. */
function trimTable(table: Uint8Array): Uint8Array {
  try {
    const entries = [...parseCertificateTable(table).values()];
    return table.slice(0, Math.max(0, ...entries.map((entry) => entry.byteOffset - table.byteOffset + entry.byteLength)));
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', 'the certificates beside the SEV-SNP report are malformed', { cause });
  }
}

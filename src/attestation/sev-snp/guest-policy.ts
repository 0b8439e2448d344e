import type { SevSnpCode } from '../../errors/codes/sev-snp.js';
import { VerificationError } from '../../errors/verification-error.js';
import type { SnpReport } from './report.js';

/** Bits of the guest policy (AMD 56860, table "Guest Policy"). */
const POLICY = { smtAllowed: 1n << 16n, migrationAgent: 1n << 18n, debug: 1n << 19n, raplDisabled: 1n << 23n, ciphertextHiding: 1n << 24n } as const;
/** Bits of PLATFORM_INFO. */
const PLATFORM = { smtEnabled: 1n << 0n, raplDisabled: 1n << 3n, ciphertextHiding: 1n << 4n } as const;

interface Rule {
  readonly code: SevSnpCode;
  readonly text: string;
  broken(report: SnpReport): boolean;
}

/** What no launch the guest software stands for has, and what firmware would not have launched (spec/attestation.md section 5.6). */
const RULES: readonly Rule[] = [
  { code: 'SNP_VMPL_NOT_ZERO', text: 'was not asked for by the most privileged level of the guest', broken: ({ vmpl }) => vmpl !== 0 },
  { code: 'SNP_MIGRATION_AGENT_ALLOWED', text: 'is of a guest that a migration agent may move', broken: ({ policy }) => has(policy, POLICY.migrationAgent) },
  {
    code: 'SNP_SMT_ENABLED',
    text: 'is of a machine with SMT, which the guest does not allow',
    broken: ({ policy, platformInfo }) => !has(policy, POLICY.smtAllowed) && has(platformInfo, PLATFORM.smtEnabled),
  },
  {
    code: 'SNP_RAPL_ENABLED',
    text: 'is of a machine that measures its power, which the guest does not allow',
    broken: ({ policy, platformInfo }) => has(policy, POLICY.raplDisabled) && !has(platformInfo, PLATFORM.raplDisabled),
  },
  {
    code: 'SNP_CIPHERTEXT_HIDING_MISSING',
    text: 'is of a machine that does not hide ciphertext, which the guest demands',
    broken: ({ policy, platformInfo }) => has(policy, POLICY.ciphertextHiding) && !has(platformInfo, PLATFORM.ciphertextHiding),
  },
];

/** @throws VerificationError with the code of the first rule the report breaks */
export function checkGuestPolicy(report: SnpReport): void {
  const rule = RULES.find((candidate) => candidate.broken(report));
  if (rule !== undefined) throw new VerificationError(rule.code, `the amd sev-snp report ${rule.text}`);
}

/** Whether the host may read the guest's memory. */
export function isDebugGuest({ policy }: SnpReport): boolean {
  return has(policy, POLICY.debug);
}

function has(bits: bigint, bit: bigint): boolean {
  return (bits & bit) !== 0n;
}

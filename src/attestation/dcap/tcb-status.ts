/** Intel's TCB status words, least severe first: the order they are merged by (spec/attestation.md section 6.3 step 12). */
export const TCB_STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const;

export type TcbStatus = (typeof TCB_STATUSES)[number];

/** A status and the advisories that go with it. */
export interface TcbJudgement {
  readonly status: TcbStatus;
  readonly advisoryIds: readonly string[];
}

export function isTcbStatus(text: string): text is TcbStatus {
  return (TCB_STATUSES as readonly string[]).includes(text);
}

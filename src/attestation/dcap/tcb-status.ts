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
  /**
   * `tcbDate` of the level, unix seconds: nothing disclosed up to then affects the level (Intel PCS API, TCB info). null where it is not a time.
   * Of merged judgements, the earliest of those worse than UpToDate; of all when none is.
   */
  readonly tcbDate: number | null;
  readonly advisoryIds: readonly string[];
}

export function isTcbStatus(text: string): text is TcbStatus {
  return (TCB_STATUSES as readonly string[]).includes(text);
}

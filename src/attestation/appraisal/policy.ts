/** Values evidence may have, lower-case hex as in BootInfo; null accepts any value. */
export interface MeasurementLists {
  /** 32 bytes each. */
  readonly osImageHash: readonly string[] | null;
  readonly mrSystem: readonly string[] | null;
  readonly mrAggregated: readonly string[] | null;
  readonly deviceId: readonly string[] | null;
}

/** What genuine evidence must look like to be accepted. */
export interface AppraisalPolicy {
  /** TCB status texts accepted for as long as collateral says so, on platforms that have one. */
  readonly acceptedTcbStatuses: readonly string[];
  /**
   * Seconds any other status is accepted after the date of its TCB level (`tcbDate`, Intel PCS API): time to patch. 0 for none.
   * Revoked never is, and neither is a status without a date. Advisories are judged all the same.
   */
  readonly tcbGraceSeconds: number;
  /** Advisories accepted with a status other than UpToDate; `any` accepts all of them. */
  readonly acceptedAdvisoryIds: readonly string[] | 'any';
  /** Lowest `tcbEvaluationDataNumber` of the collateral a verdict may rest on; 0 for any. */
  readonly minimumTcbEvaluationNumber: number;
  readonly measurements: MeasurementLists;
  /** Accepts enclaves whose operator can read their memory. Never for anything that holds a real key. */
  readonly insecureAllowDebug: boolean;
}

export const ANY_MEASUREMENT: MeasurementLists = { osImageHash: null, mrSystem: null, mrAggregated: null, deviceId: null };

/** The safe policy: nothing relaxed. Which measurements may have keys is for the release policy to say. */
export const STRICT_POLICY: AppraisalPolicy = {
  acceptedTcbStatuses: ['UpToDate'],
  tcbGraceSeconds: 0,
  acceptedAdvisoryIds: [],
  minimumTcbEvaluationNumber: 0,
  measurements: ANY_MEASUREMENT,
  insecureAllowDebug: false,
};

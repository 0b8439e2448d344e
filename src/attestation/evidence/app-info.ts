/**
 * The identity and measurements an attestation stands for (spec/attestation.md section 5).
 * Lengths when present: appId 20, composeHash 32, instanceId 20, deviceId 32 (or 64 on SEV-SNP in policy
 * requests), mrSystem 32, mrAggregated 32, osImageHash 32; a value the evidence lacks is empty.
 */
export interface AppInfo {
  readonly appId: Uint8Array;
  readonly composeHash: Uint8Array;
  readonly instanceId: Uint8Array;
  readonly deviceId: Uint8Array;
  readonly mrSystem: Uint8Array;
  readonly mrAggregated: Uint8Array;
  readonly osImageHash: Uint8Array;
  readonly keyProviderInfo: Uint8Array;
  /** null where the evidence does not bind them. */
  readonly initScriptHashes: readonly Uint8Array[] | null;
}

/**
 * Which stretch of the event log the measurements cover: everything so far, or up to and including
 * `boot-mr-done` with the key provider left out (spec/kms.md section 11.2).
 */
export type MeasurementView = 'runtime' | 'boot-time';

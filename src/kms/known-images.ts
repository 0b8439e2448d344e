/** Launch measurements of an OS image on one machine shape of plain TDX; 48 bytes each, lower-case hex. */
export interface TdxLaunch {
  readonly mrtd: string;
  readonly rtmr0: string;
  readonly rtmr1: string;
  readonly rtmr2: string;
}

/** The same of SEV-SNP: the launch digest of the report, 48 bytes, lower-case hex. */
export interface SnpLaunch {
  readonly measurement: string;
}

/** Port: what the operator registered for an OS image (32-byte hash, lower-case hex); empty when nothing. */
export interface KnownImages {
  /** @throws PolicyError BACKEND_… when the list cannot be read */
  launchMeasurements(osImageHash: string): readonly (TdxLaunch | SnpLaunch)[];
}

/** What OS images are verified with. */
export interface ImageRules {
  readonly known: KnownImages;
  /** PCR 0 of the firmware GCP machines may boot with; 32 bytes each, lower-case hex. */
  readonly gcpFirmware: readonly string[];
}

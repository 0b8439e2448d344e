/** Launch measurements of an OS image on one machine shape; 48 bytes each, lower-case hex. */
export interface LaunchMeasurements {
  readonly mrtd: string;
  readonly rtmr0: string;
  readonly rtmr1: string;
  readonly rtmr2: string;
}

/** Port: what the operator registered for an OS image (32-byte hash, lower-case hex); empty when nothing. */
export interface KnownImages {
  /** @throws PolicyError BACKEND_… when the list cannot be read */
  launchMeasurements(osImageHash: string): readonly LaunchMeasurements[];
}

import { DstackError } from './base.js';

/** Why no evidence could be made on this machine. */
export type EvidenceSourceCode = 'DEVICE_ABSENT' | 'DEVICE_BUSY' | 'DEVICE_FAILED' | 'DEVICE_TIMEOUT' | 'NOT_THIS_PLATFORM';

/** The device behind the evidence did not deliver. */
export class EvidenceSourceError extends DstackError<EvidenceSourceCode> {}

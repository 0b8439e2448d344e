import { DstackError } from './base.js';
import type { DcapCode } from './codes/dcap.js';
import type { EvidenceCode } from './codes/evidence.js';
import type { NsmCode } from './codes/nsm.js';
import type { SevSnpCode } from './codes/sev-snp.js';
import type { TpmCode } from './codes/tpm.js';
import type { X509Code } from './codes/x509.js';

export type VerificationCode = DcapCode | NsmCode | EvidenceCode | TpmCode | SevSnpCode | X509Code;

/** The evidence is not genuine: malformed, forged, expired, or not bound to what it claims to vouch for. */
export class VerificationError extends DstackError<VerificationCode> {}

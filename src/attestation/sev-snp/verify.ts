import { verify } from 'node:crypto';
import { AppraisalError } from '../../errors/appraisal-error.js';
import { P256PublicKey } from '../../crypto/p256-public-key.js';
import { VerificationError } from '../../errors/verification-error.js';
import { earliestEnd } from '../../x509/time-window.js';
import type { CertificateFetcher } from '../certificate-fetcher.js';
import type { SnpRoots } from '../trust-roots.js';
import { carriedCertificates, type Endorsement } from './certificates.js';
import { type EndorsedSigner, endorseSigner } from './endorse.js';
import { checkGuestPolicy, isDebugGuest } from './guest-policy.js';
import { KeyService } from './key-service.js';
import type { SnpReport } from './report.js';

export interface SnpOptions {
  /** Unix seconds. */
  readonly now: number;
  readonly roots: SnpRoots;
  readonly certificates: CertificateFetcher;
  /** Base address of AMD's Key Distribution Service. */
  readonly kdsUrl: string;
}

/** Facts of a report found genuine. */
export interface SnpVerdict {
  /** `UpToDate` when firmware in use, committed and at launch is that the report is signed for, else `OutOfDate` (spec/attestation.md section 5.3). */
  readonly tcbStatus: 'UpToDate' | 'OutOfDate';
  /** Unix seconds after which a certificate relied on has expired. */
  readonly validUntil: number;
}

const MASK_CHIP_KEY = 1 << 1;
/** Bits 4 to 2 of the key flags: which key signed. */
const SIGNING_KEYS: Readonly<Record<number, Endorsement>> = { 0: 'vcek', 1: 'vlek' };

/**
 * Is this report genuine (spec/attestation.md section 5.6)? What the report says of itself comes first, being cheap, and nothing is asked of
 * AMD's service for one that is refused anyway; then the certificates, and the signature with the key they vouch for.
 * @param chain certificates that came along, in any of the forms they travel in
 * @throws VerificationError of the SNP and X.509 codes
 * @throws AppraisalError DEBUG_MODE for a genuine report of a guest whose memory the host may read
 * @throws CollateralError when a certificate could not be had
 */
export async function verifySnpReport(report: SnpReport, chain: readonly Uint8Array[], { now, roots, certificates, kdsUrl }: SnpOptions): Promise<SnpVerdict> {
  const endorsement = endorsementOf(report);
  checkGuestPolicy(report);
  const service = new KeyService(kdsUrl, certificates);
  const signer = await endorseSigner(report, carriedCertificates(chain, endorsement), { now, roots, service, endorsement });
  checkSignature(report, signer);
  if (isDebugGuest(report)) throw new AppraisalError('DEBUG_MODE', 'the amd sev-snp guest may be debugged by its host');
  return { tcbStatus: tcbStatusOf(report), validUntil: earliestEnd(signer.windows) };
}

function endorsementOf({ keyFlags }: SnpReport): Endorsement {
  if ((keyFlags & MASK_CHIP_KEY) !== 0) throw new VerificationError('SNP_CHIP_KEY_MASKED', 'the amd sev-snp report is not signed: the chip key is masked');
  const number = (keyFlags >>> 2) & 7;
  const endorsement = SIGNING_KEYS[number];
  if (endorsement === undefined) throw new VerificationError('SNP_SIGNING_KEY_UNSUPPORTED', `amd sev-snp signing key ${number} is neither VCEK nor VLEK`);
  return endorsement;
}

function checkSignature({ signedRegion, signature }: SnpReport, { key }: EndorsedSigner): void {
  if (key instanceof P256PublicKey || key.asymmetricKeyDetails?.namedCurve !== 'secp384r1') throw new VerificationError('PUBLIC_KEY_UNSUPPORTED', 'the amd sev-snp signing key is not on P-384');
  if (verify('sha384', signedRegion, { key, dsaEncoding: 'ieee-p1363' }, signature)) return;
  throw new VerificationError('SNP_SIGNATURE_INVALID', 'the amd sev-snp report is not signed by the key its certificates are for');
}

function tcbStatusOf({ reportedTcb, currentTcb, committedTcb, launchTcb }: SnpReport): SnpVerdict['tcbStatus'] {
  const isUpToDate = [currentTcb, committedTcb, launchTcb].every((tcb) => Buffer.compare(tcb, reportedTcb) === 0);
  return isUpToDate ? 'UpToDate' : 'OutOfDate';
}

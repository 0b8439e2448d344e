import { isOfKeyService, MAX_PUBLISHED_BYTES, type PublishedKind } from '../../attestation/certificate-fetcher.js';
import { recordedKindOf } from '../../attestation/published-kind.js';
import { parseRecording } from '../../attestation/recording.js';
import { vendorRoots } from '../../attestation/roots/vendor-roots.js';
import { isListOfAny, vouchedFor } from '../../attestation/vouched.js';
import { CollateralError } from '../../errors/collateral-error.js';
import { VerificationError } from '../../errors/verification-error.js';
import { placeOf } from '../../outbound/http-get.js';
import type { StoredAnswer } from '../../outbound/published-store.js';
import { certificateIn, type Validity, validityOf } from '../../outbound/published-validity.js';
import { type Certificate, parseCertificate } from '../../x509/certificate.js';
import { parseCrl } from '../../x509/crl.js';
import { type ExplicitRoot, explicitRootsOf } from '../verify/roots.js';
import { dateText } from './describe.js';

/** Certificates that certificates and revocation lists must lead to. */
export interface PublishedAnchors {
  /** Of vTPM keys: Google's, and those given. */
  readonly vtpm: readonly Certificate[];
  /** Of SEV-SNP machines: those given. */
  readonly amd: readonly Certificate[];
}

export function publishedAnchors(explicit: readonly ExplicitRoot[]): PublishedAnchors {
  return { vtpm: [parseCertificate(vendorRoots().gcpTpm), ...explicitRootsOf('gcpTpm', explicit)], amd: explicitRootsOf('sevSnp', explicit) };
}

/**
 * The certificates and revocation lists among recorded answers; those of DCAP collateral are left out.
 * @param rootCaCrls DER of the root CRLs of the sets in the recording, which may be recorded from where Intel publishes them
 * @throws CollateralError COLLATERAL_ANSWER_INVALID for what is neither, and for what is no recording
 */
export function publishedInRecording(text: string, rootCaCrls: readonly Uint8Array[]): readonly StoredAnswer[] {
  return parseRecording(text).filter(({ status }) => status === 200).flatMap((recorded) => {
    const kind = recordedKindOf(recorded);
    if (kind === null) throw new CollateralError('COLLATERAL_ANSWER_INVALID', `the answer of ${placeOf(recorded.url)} is neither collateral, a certificate nor a revocation list`);
    const isOfSet = kind === 'dcap' || rootCaCrls.some((list) => Buffer.compare(list, recorded.body) === 0);
    return isOfSet ? [] : [{ url: recorded.url, kind, body: recorded.body }];
  });
}

/** An answer, and how long it is good or why it is not. */
export interface PublishedVerdict {
  readonly answer: StoredAnswer;
  readonly validity: Validity | null;
  readonly refusal: CollateralError | null;
}

/**
 * Which answers lead to an anchor, with the certificates among them, and are valid now: what a service wants to know before it keeps
 * one. Whether certificates may sign what they signed, and what is revoked, is judged with the evidence.
 * @param now unix seconds
 */
export function judgePublished(answers: readonly StoredAnswer[], anchors: PublishedAnchors, now: number): readonly PublishedVerdict[] {
  const certificates = { vtpm: certificatesOf(answers, ['certificate']), amd: certificatesOf(answers, ['amd-chain', 'amd-vcek']) };
  const vouched = {
    vtpm: vouchedForAny(anchors.vtpm, [...certificates.vtpm.values()]),
    amd: vouchedForAny(anchors.amd, [...certificates.amd.values()]),
  };
  const isVouchedFor = (answer: StoredAnswer): boolean => {
    if (answer.kind === 'crl') return isListOfAny(vouched.vtpm, parseCrl(answer.body));
    const side = isOfKeyService(answer.kind) ? 'amd' : 'vtpm';
    const certificate = certificates[side].get(answer);
    return certificate !== undefined && vouched[side].has(certificate);
  };
  return answers.map((answer) => {
    try {
      const validity = validityOf(answer.body, answer.kind, answer.url);
      check(answer, validity, { now, isVouchedFor });
      return { answer, validity, refusal: null };
    } catch (error) {
      if (!(error instanceof CollateralError)) throw error;
      return { answer, validity: null, refusal: error };
    }
  });
}

function check(answer: StoredAnswer, { issuedAt, endsAt }: Validity, { now, isVouchedFor }: { readonly now: number; readonly isVouchedFor: (answer: StoredAnswer) => boolean }): void {
  const { url, kind, body } = answer;
  if (body.length > MAX_PUBLISHED_BYTES[kind]) throw new CollateralError('COLLATERAL_ANSWER_INVALID', `${placeOf(url)}: a ${kind} has at most ${MAX_PUBLISHED_BYTES[kind]} bytes`);
  if (!isVouchedFor(answer)) throw new CollateralError('COLLATERAL_REJECTED', `${placeOf(url)}: the ${kind} does not lead to a trust anchor${isOfKeyService(kind) ? '; AMD\'s are given with --root' : ''}`);
  if (now < issuedAt || now > endsAt) throw new CollateralError('COLLATERAL_REJECTED', `${placeOf(url)}: the ${kind} is valid from ${dateText(issuedAt)} until ${dateText(endsAt)}`);
}

/** Those that can be read. */
function certificatesOf(answers: readonly StoredAnswer[], kinds: readonly PublishedKind[]): ReadonlyMap<StoredAnswer, Certificate> {
  const found = new Map<StoredAnswer, Certificate>();
  for (const answer of answers) {
    if (answer.kind === 'crl' || !kinds.includes(answer.kind)) continue;
    try {
      found.set(answer, certificateIn(answer.body, answer.kind));
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
    }
  }
  return found;
}

function vouchedForAny(anchors: readonly Certificate[], certificates: readonly Certificate[]): ReadonlySet<Certificate> {
  return new Set(anchors.flatMap((anchor) => [...vouchedFor(anchor, certificates)]));
}

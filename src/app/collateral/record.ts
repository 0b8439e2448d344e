import type { CertificateFetcher } from '../../attestation/certificate-fetcher.js';
import type { CollateralGetter } from '../../attestation/collateral.js';
import { answersOfCollateral } from '../../attestation/dcap/answers-of-collateral.js';
import { pccsBase } from '../../attestation/dcap/pccs-answers.js';
import { VerifierCache } from '../../attestation/evidence/verifier-cache.js';
import { parseRecording, recordingJson, type RecordedAnswer } from '../../attestation/recording.js';
import { KeyService } from '../../attestation/sev-snp/key-service.js';
import { DEFAULT_PCCS_URL } from '../../outbound/pccs.js';
import { createOnlineSources, type OnlinePlaces } from '../online-sources.js';
import { examine } from '../verify/examine.js';
import { recogniseEvidence, VerifyInputError } from '../verify/input.js';
import { candidateRoots, type ExplicitRoot, tdxRoots } from '../verify/roots.js';
import type { CollateralCommandIo } from './command.js';
import { judgePublished, publishedAnchors, publishedInRecording } from './published.js';
import type { WantedChip } from './wanted.js';

export interface RecordContext {
  readonly explicit: readonly ExplicitRoot[];
  readonly places: OnlinePlaces;
}

export type Answer = Omit<RecordedAnswer, 'target'>;

/**
 * Verifies evidence and keeps every answer of the network that took: collateral of any kind of platform, certificates and revocation
 * lists of vTPM keys, certificates of AMD's. Whether the evidence is acceptable does not matter.
 * @throws VerificationError, CollateralError when it does not verify, VerifyInputError for what is no evidence or needs nothing
 */
export async function recordAnswers(evidence: Uint8Array, { explicit, places }: RecordContext, io: CollateralCommandIo): Promise<readonly Answer[]> {
  const { answers, collateral, certificates } = recordingSources({ explicit, places }, io);
  const examination = examine(recogniseEvidence(evidence));
  let reason: unknown = null;
  for (const roots of candidateRoots(examination.anchors, explicit)) {
    try {
      await examination.verify({ now: io.now(), roots, collateral, certificates, amdKdsUrl: places.amdKdsUrl, cache: new VerifierCache() });
      if (answers.size === 0) throw new VerifyInputError('USAGE', 'evidence of this kind needs nothing from the network');
      return [...answers.values()];
    } catch (error) {
      reason ??= error;
    }
  }
  throw reason;
}

/**
 * The certificates of a chip at a state of its firmware, led to one of the roots given.
 * @throws CollateralError
 */
export async function recordChip({ product, chipId, reportedTcb }: WantedChip, { explicit, places }: RecordContext, io: CollateralCommandIo): Promise<readonly Answer[]> {
  const { answers, certificates } = recordingSources({ explicit, places }, io);
  const service = new KeyService(places.amdKdsUrl, certificates);
  await service.chipCertificate(product, { chipId, reportedTcb });
  await service.intermediate(product, 'vcek');
  const recorded = [...answers.values()];
  for (const { refusal } of judgePublished(publishedInRecording(recordingJson(recorded), []), publishedAnchors(explicit), io.now())) if (refusal !== null) throw refusal;
  return recorded;
}

/** The network, and every answer it gave. */
function recordingSources({ explicit, places }: RecordContext, io: CollateralCommandIo): { readonly answers: ReadonlyMap<string, Answer>; readonly collateral: CollateralGetter; readonly certificates: CertificateFetcher } {
  const answers = new Map<string, Answer>();
  const online = createOnlineSources(places, { tdxRoots: tdxRoots(explicit), clock: io.now });
  const base = pccsBase(places.pccsUrls[0] ?? DEFAULT_PCCS_URL);
  const collateral: CollateralGetter = {
    async getCollateral(wanted) {
      const fetched = await online.collateral.getCollateral(wanted);
      for (const answer of answersOfCollateral(fetched, wanted, base)) answers.set(answer.url, answer);
      return fetched;
    },
  };
  const certificates: CertificateFetcher = {
    allows: (url) => online.certificates.allows(url),
    async fetch(url, kind) {
      const body = await online.certificates.fetch(url, kind);
      answers.set(url, { url, status: 200, headers: {}, body });
      return body;
    },
    judge: (url, kind, verified) => online.certificates.judge?.(url, kind, verified),
  };
  return { answers, collateral, certificates };
}

/**
 * A recording with these answers in place of any to the same URL, so that one file can serve several kinds of platform.
 * @param before text of the recording so far, or null
 * @throws CollateralError COLLATERAL_ANSWER_INVALID when that is no recording
 */
export function addToRecording(before: string | null, answers: readonly Answer[]): string {
  const replaced = new Set(answers.map(({ url }) => url));
  const kept = before === null ? [] : parseRecording(before).filter(({ url }) => !replaced.has(url));
  return recordingJson([...kept, ...answers]);
}

import type { RecordedAnswer } from '../attestation/recording.js';
import { pccsTargets } from '../attestation/dcap/pccs-answers.js';
import { targetOf } from '../attestation/recording.js';
import { pccsAnswer } from './pccs-answers.js';
import { kdsAnswers } from './snp-certificates.js';
import { createDevelopmentSnpPki } from './snp-pki.js';
import { createDevelopmentCollateral } from './tdx-collateral.js';
import { DEVELOPMENT_MACHINE } from './tdx-machine.js';
import { createDevelopmentTdxPki } from './tdx-pki.js';
import { createDevelopmentTpmPki } from './tpm-pki.js';

const HOUR = 3_600;
const DAY = 86_400;

/** Names that never resolve (RFC 6761 section 6.4): the answers are handed over or served, under whatever name. */
const PCCS = 'http://pccs.development.invalid';
const KDS = 'http://kds.development.invalid';

export interface VendorOptions {
  /** Unix seconds. */
  readonly now: number;
  /** Base address the vTPM's certificates say they are published at; one that never resolves unless given. */
  readonly publishedAt?: string;
}

/**
 * What Intel's, Google's and AMD's servers would answer about the machines of a seed: collateral of its quotes, certificates
 * and revocation lists of its vTPM, certificates of its SEV-SNP chip. All of it is dated as development collateral is.
 * @throws TypeError unless `seed` is 32 bytes
 */
export function vendorAnswers(seed: Uint8Array, { now, publishedAt }: VendorOptions): readonly RecordedAnswer[] {
  const hour = Math.floor(now / HOUR) * HOUR;
  const crlWindow = { thisUpdate: hour - DAY, nextUpdate: hour + 30 * DAY };
  const { published } = createDevelopmentTpmPki(seed, { crlWindow, ...(publishedAt === undefined ? {} : { base: publishedAt }) });
  const ofChip = kdsAnswers(createDevelopmentSnpPki(seed));
  return [
    ...intelAnswers(seed, now),
    ...Array.from(published, ([url, body]) => answer(url, {}, body)),
    ...Array.from(ofChip, ([target, body]) => answer(KDS + target, {}, body)),
  ];
}

function intelAnswers(seed: Uint8Array, now: number): RecordedAnswer[] {
  const collateral = createDevelopmentCollateral(createDevelopmentTdxPki(seed), { now });
  const targets = Object.values(pccsTargets({ tee: 'tdx', fmspc: DEVELOPMENT_MACHINE.fmspc, ca: 'platform' })) as string[];
  return targets.map((target) => {
    const { headers, body } = pccsAnswer(collateral, target);
    return answer(PCCS + target, headers, body);
  });
}

function answer(url: string, headers: Readonly<Record<string, string>>, body: Uint8Array): RecordedAnswer {
  return { url, target: targetOf(url), status: 200, headers, body };
}

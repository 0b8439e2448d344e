import { existsSync } from 'node:fs';
import type { CollateralRequest } from '../../attestation/collateral.js';
import { answersOfCollateral } from '../../attestation/dcap/answers-of-collateral.js';
import { collateralJson } from '../../attestation/dcap/collateral-json.js';
import { pccsBase } from '../../attestation/dcap/pccs-answers.js';
import { recordingJson } from '../../attestation/recording.js';
import { messageChain } from '../../errors/base.js';
import type { CollateralError } from '../../errors/collateral-error.js';
import { DurableFiles } from '../../outbound/durable-files.js';
import { createPccs, DEFAULT_PCCS_URL } from '../../outbound/pccs.js';
import type { OnlinePlaces } from '../online-sources.js';
import { printable } from '../printable.js';
import { VerifyInputError } from '../verify/input.js';
import { acceptanceUnder, type CollateralCommandIo, type CollateralExitCode, explicitRoots, read, reported } from './command.js';
import { contentsOfText } from './contents.js';
import { describeCollateral } from './describe.js';
import { importContents } from './import.js';
import { addToRecording, type Answer, recordAnswers, recordChip } from './record.js';
import { wantedByEvidence, wantedByName, wantedChip, type WantedChip } from './wanted.js';

export interface FetchOptions {
  readonly fmspc: string | null;
  readonly ca: string | null;
  readonly tee: string;
  /** File of evidence that says which collateral it needs. */
  readonly evidence: string | null;
  /** An SEV-SNP machine: line of processors, CHIP_ID and REPORTED_TCB of its reports in hex; all or none. */
  readonly snpProduct: string | null;
  readonly chipId: string | null;
  readonly tcb: string | null;
  readonly places: OnlinePlaces;
  /** Files of trust anchors instead of the vendors'. */
  readonly roots: readonly string[];
  /** File for one set of DCAP collateral. */
  readonly out: string | null;
  /** Cache directory of a KMS or agent, for everything. */
  readonly cacheDir: string | null;
  /** File of recorded HTTP answers that everything is added to. */
  readonly recording: string | null;
}

/**
 * `dstack collateral fetch`: gets what verification takes from the network and writes it, verified, to the places named: one set of DCAP
 * collateral to `out`, and everything, which for evidence is whatever its platform takes and for a chip AMD's certificates, to `recording` and
 * `cacheDir`.
 */
export function runCollateralFetch(options: FetchOptions, io: CollateralCommandIo): Promise<CollateralExitCode> {
  return reported(io, async () => {
    const { out, cacheDir, recording, places, roots } = options;
    if (out === null && cacheDir === null && recording === null) throw new VerifyInputError('USAGE', 'one of --out, --cache-dir and --recording is needed');
    const answers = await answersOf(options, io);
    if (recording !== null) await record(recording, answers, io);
    if (cacheDir !== null) await importContents(await contentsOfText(recordingJson(answers)), { cacheDir, roots, certificateHosts: places.certificateHosts }, io);
    return 0;
  });
}

/** Everything asked for; what goes to `out` is written there. */
async function answersOf(options: FetchOptions, io: CollateralCommandIo): Promise<readonly Answer[]> {
  const { out, cacheDir, recording, evidence, places, roots } = options;
  const chip = chipOf(options);
  if (chip !== null && out !== null) throw new VerifyInputError('USAGE', '--out is for DCAP collateral; certificates of a chip go to --recording or --cache-dir');
  const set = out !== null || (evidence === null && chip === null) ? await fetchSet(options, io) : [];
  if (cacheDir === null && recording === null) return set;
  const context = { explicit: await explicitRoots(roots, io), places };
  if (chip !== null) return recordChip(chip, context, io);
  return evidence === null ? set : recordAnswers(await read(evidence, io), context, io);
}

function chipOf({ fmspc, ca, evidence, snpProduct, chipId, tcb }: FetchOptions): WantedChip | null {
  if (snpProduct === null && chipId === null && tcb === null) return null;
  if (snpProduct === null || chipId === null || tcb === null) throw new VerifyInputError('USAGE', '--snp-product, --chip-id and --tcb belong together');
  if (evidence !== null || fmspc !== null || ca !== null) throw new VerifyInputError('USAGE', '--snp-product is for neither --evidence nor --fmspc and --ca');
  return wantedChip(snpProduct, chipId, tcb);
}

/** @returns the answers the set was put together from */
async function fetchSet({ places, roots, out, ...source }: FetchOptions, io: CollateralCommandIo): Promise<readonly Answer[]> {
  const wanted = await wantedBy(source, io);
  const urls = places.pccsUrls.length === 0 ? [DEFAULT_PCCS_URL] : places.pccsUrls;
  const observe = (endpoint: number, error: CollateralError | null): void => {
    if (error !== null) io.err(`${urls[endpoint]}: ${error.code}: ${messageChain(error)}`);
  };
  const { collateral } = await createPccs({ urls, accept: await acceptanceUnder(roots, io), observe }).fetch(wanted);
  if (out !== null) await replaceFile(out, `${collateralJson(collateral)}\n`);
  for (const line of describeCollateral(collateral, wanted, io.now())) io.out(line);
  return answersOfCollateral(collateral, wanted, pccsBase(urls[0] ?? DEFAULT_PCCS_URL));
}

async function record(path: string, answers: readonly Answer[], io: CollateralCommandIo): Promise<void> {
  const before = existsSync(path) ? Buffer.from(await read(path, io)).toString('utf8') : null;
  await replaceFile(path, addToRecording(before, answers));
  for (const { url } of answers) io.out(`recorded ${printable(url)}`);
}

async function wantedBy({ fmspc, ca, tee, evidence }: Pick<FetchOptions, 'fmspc' | 'ca' | 'tee' | 'evidence'>, io: CollateralCommandIo): Promise<CollateralRequest> {
  if (evidence !== null && (fmspc !== null || ca !== null)) throw new VerifyInputError('USAGE', '--evidence says both --fmspc and --ca');
  if (evidence !== null) return wantedByEvidence(await read(evidence, io));
  if (fmspc === null || ca === null) throw new VerifyInputError('USAGE', '--fmspc and --ca are needed, or --evidence');
  return wantedByName(fmspc, ca, tee);
}

/** The old file or the new one, whatever happens. */
async function replaceFile(path: string, content: string): Promise<void> {
  try {
    await new DurableFiles().replace(path, content, 0o644);
  } catch (cause) {
    throw new VerifyInputError('INPUT_UNREADABLE', `cannot write ${path}`, { cause });
  }
}

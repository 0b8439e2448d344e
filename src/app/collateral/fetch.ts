import { existsSync } from 'node:fs';
import { collateralKey, type CollateralRequest } from '../../attestation/collateral.js';
import { collateralJson } from '../../attestation/dcap/collateral-json.js';
import { messageChain } from '../../errors/base.js';
import type { CollateralError } from '../../errors/collateral-error.js';
import { createCollateralDirectory } from '../../outbound/collateral-directory.js';
import { DurableFiles } from '../../outbound/durable-files.js';
import { createPccs, DEFAULT_PCCS_URL } from '../../outbound/pccs.js';
import type { OnlinePlaces } from '../online-sources.js';
import { printable } from '../printable.js';
import { VerifyInputError } from '../verify/input.js';
import { acceptanceUnder, type CollateralCommandIo, type CollateralExitCode, explicitRoots, read, reported } from './command.js';
import { describeCollateral } from './describe.js';
import { addToRecording, recordAnswers } from './record.js';
import { wantedByEvidence, wantedByName } from './wanted.js';

export interface FetchOptions {
  readonly fmspc: string | null;
  readonly ca: string | null;
  readonly tee: string;
  /** File of evidence that says which collateral it needs. */
  readonly evidence: string | null;
  readonly places: OnlinePlaces;
  /** Files of trust anchors instead of the vendors'. */
  readonly roots: readonly string[];
  /** File for the one set of collateral. */
  readonly out: string | null;
  readonly cacheDir: string | null;
  /** File of recorded HTTP answers, which everything the evidence needs is added to. */
  readonly recording: string | null;
}

/** `dstack collateral fetch`: gets collateral from a service and writes it, verified, to the places named. */
export function runCollateralFetch(options: FetchOptions, io: CollateralCommandIo): Promise<CollateralExitCode> {
  return reported(io, async () => {
    const { out, cacheDir, recording, evidence } = options;
    if (out === null && cacheDir === null && recording === null) throw new VerifyInputError('USAGE', 'one of --out, --cache-dir and --recording is needed');
    if (recording !== null && evidence === null) throw new VerifyInputError('USAGE', '--recording is of what --evidence needs');
    if (out !== null || cacheDir !== null) await fetchSet(options, io);
    if (recording !== null && evidence !== null) await record(recording, evidence, options, io);
    return 0;
  });
}

async function fetchSet({ places, roots, out, cacheDir, ...source }: FetchOptions, io: CollateralCommandIo): Promise<void> {
  const wanted = await wantedBy(source, io);
  const urls = places.pccsUrls.length === 0 ? [DEFAULT_PCCS_URL] : places.pccsUrls;
  const observe = (endpoint: number, error: CollateralError | null): void => {
    if (error !== null) io.err(`${urls[endpoint]}: ${error.code}: ${messageChain(error)}`);
  };
  const { collateral } = await createPccs({ urls, accept: await acceptanceUnder(roots, io), observe }).fetch(wanted);
  if (out !== null) await replaceFile(out, `${collateralJson(collateral)}\n`);
  if (cacheDir !== null) await createCollateralDirectory(cacheDir).write(collateralKey(wanted), collateral);
  for (const line of describeCollateral(collateral, wanted, io.now())) io.out(line);
}

async function record(path: string, evidence: string, { places, roots }: FetchOptions, io: CollateralCommandIo): Promise<void> {
  const answers = await recordAnswers({ evidence: await read(evidence, io), explicit: await explicitRoots(roots, io), places }, io);
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

import { collateralKey, type CollateralRequest } from '../../attestation/collateral.js';
import { collateralJson } from '../../attestation/dcap/collateral-json.js';
import { messageChain } from '../../errors/base.js';
import type { CollateralError } from '../../errors/collateral-error.js';
import { createCollateralDirectory } from '../../outbound/collateral-directory.js';
import { DurableFiles } from '../../outbound/durable-files.js';
import { createPccs, DEFAULT_PCCS_URL } from '../../outbound/pccs.js';
import { VerifyInputError } from '../verify/input.js';
import { acceptanceUnder, type CollateralCommandIo, type CollateralExitCode, read, reported } from './command.js';
import { describeCollateral } from './describe.js';
import { wantedByEvidence, wantedByName } from './wanted.js';

export interface FetchOptions {
  readonly fmspc: string | null;
  readonly ca: string | null;
  readonly tee: string;
  /** File of evidence that says which collateral it needs. */
  readonly evidence: string | null;
  /** Base addresses; none for the default. */
  readonly pccs: readonly string[];
  /** File of the trust anchor instead of Intel's. */
  readonly root: string | null;
  readonly out: string | null;
  readonly cacheDir: string | null;
}

/** `dstack collateral fetch`: gets collateral from a service and writes it, verified, to a file, a cache directory or both. */
export function runCollateralFetch(options: FetchOptions, io: CollateralCommandIo): Promise<CollateralExitCode> {
  return reported(io, async () => {
    if (options.out === null && options.cacheDir === null) throw new VerifyInputError('USAGE', 'one of --out and --cache-dir is needed');
    const wanted = await wantedBy(options, io);
    const urls = options.pccs.length === 0 ? [DEFAULT_PCCS_URL] : options.pccs;
    if (!urls.every((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol))) throw new VerifyInputError('USAGE', '--pccs is not an http or https URL');
    const observe = (endpoint: number, error: CollateralError | null): void => {
      if (error !== null) io.err(`${urls[endpoint]}: ${error.code}: ${messageChain(error)}`);
    };
    const accepted = await createPccs({ urls, accept: await acceptanceUnder(options.root, io), observe }).fetch(wanted);
    if (options.out !== null) await replaceFile(options.out, `${collateralJson(accepted.collateral)}\n`);
    if (options.cacheDir !== null) await createCollateralDirectory(options.cacheDir).write(collateralKey(wanted), accepted.collateral);
    for (const line of describeCollateral(accepted.collateral, wanted, io.now())) io.out(line);
    return 0;
  });
}

async function wantedBy({ fmspc, ca, tee, evidence }: FetchOptions, io: CollateralCommandIo): Promise<CollateralRequest> {
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

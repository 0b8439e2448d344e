import type { CollateralRequest, QuoteCollateral } from '../../attestation/collateral.js';
import { DstackError, messageChain } from '../../errors/base.js';
import type { AcceptCollateral } from '../../outbound/collateral-source.js';
import { VerifyInputError } from '../verify/input.js';
import { acceptanceUnder, type CollateralCommandIo, type CollateralExitCode, reported } from './command.js';
import { dateText, describeCollateral } from './describe.js';
import { setsInDirectory, setsInFile } from './sets.js';

export interface ShowOptions {
  readonly file: string | null;
  readonly cacheDir: string | null;
  /** Files of trust anchors instead of Intel's. */
  readonly roots: readonly string[];
}

/** `dstack collateral show`: says what collateral is there and whether it verifies now; 1 when some of it does not. */
export function runCollateralShow({ file, cacheDir, roots }: ShowOptions, io: CollateralCommandIo): Promise<CollateralExitCode> {
  return reported(io, async () => {
    if ((file === null) === (cacheDir === null)) throw new VerifyInputError('USAGE', 'either a file or --cache-dir is needed');
    const accept = await acceptanceUnder(roots, io);
    const sets = file === null ? await setsInDirectory(cacheDir ?? '', io) : await setsInFile(file, io);
    const verdicts = sets.sets.map(([wanted, collateral]) => show(wanted, collateral, accept, io));
    return sets.unreadable === 0 && verdicts.every(Boolean) ? 0 : 1;
  });
}

function show(wanted: CollateralRequest, collateral: QuoteCollateral, accept: AcceptCollateral, io: CollateralCommandIo): boolean {
  try {
    for (const line of describeCollateral(collateral, wanted, io.now())) io.out(line);
    io.out(`  verified: yes, until ${dateText(accept(collateral, wanted).validUntil)}`);
    return true;
  } catch (error) {
    if (!(error instanceof DstackError)) throw error;
    io.out(`  verified: no, ${error.cause instanceof DstackError ? error.cause.code : error.code}: ${messageChain(error)}`);
    return false;
  }
}

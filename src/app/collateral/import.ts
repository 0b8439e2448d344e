import { collateralKey, type CollateralRequest, type QuoteCollateral } from '../../attestation/collateral.js';
import { type AcceptedCollateral, isOlder } from '../../attestation/dcap/accept-collateral.js';
import { CollateralError } from '../../errors/collateral-error.js';
import { createCollateralDirectory } from '../../outbound/collateral-directory.js';
import type { AcceptCollateral } from '../../outbound/collateral-source.js';
import { acceptanceUnder, type CollateralCommandIo, type CollateralExitCode, reported } from './command.js';
import { setsInFile } from './sets.js';

export interface ImportOptions {
  readonly file: string;
  readonly cacheDir: string;
  /** Files of trust anchors instead of Intel's. */
  readonly roots: readonly string[];
}

/** `dstack collateral import`: puts collateral from a file into a cache directory, all of it or nothing, if it verifies and is not older than what is there. */
export function runCollateralImport({ file, cacheDir, roots }: ImportOptions, io: CollateralCommandIo): Promise<CollateralExitCode> {
  return reported(io, async () => {
    const accept = await acceptanceUnder(roots, io);
    const directory = createCollateralDirectory(cacheDir);
    const accepted = (await setsInFile(file, io)).sets.map(([wanted, collateral]) => [wanted, accept(collateral, wanted)] as const);
    for (const [wanted, set] of accepted) {
      const present = await stillGood(() => directory.read(collateralKey(wanted)), wanted, accept);
      if (present !== null && isOlder(set, present)) throw new CollateralError('COLLATERAL_REJECTED', `${cacheDir} holds newer collateral than ${file}`);
    }
    for (const [wanted, { collateral }] of accepted) {
      await directory.write(collateralKey(wanted), collateral);
      io.out(`imported ${collateralKey(wanted)}`);
    }
    return 0;
  });
}

async function stillGood(load: () => Promise<QuoteCollateral | null>, wanted: CollateralRequest, accept: AcceptCollateral): Promise<AcceptedCollateral | null> {
  try {
    const present = await load();
    return present === null ? null : accept(present, wanted);
  } catch (error) {
    if (error instanceof CollateralError) return null;
    throw error;
  }
}

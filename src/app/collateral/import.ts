import { collateralKey, type CollateralRequest, type QuoteCollateral } from '../../attestation/collateral.js';
import { type AcceptedCollateral, isOlder } from '../../attestation/dcap/accept-collateral.js';
import { CollateralError } from '../../errors/collateral-error.js';
import { createCollateralDirectory } from '../../outbound/collateral-directory.js';
import type { AcceptCollateral } from '../../outbound/collateral-source.js';
import { acceptanceUnder, type CollateralCommandIo, type CollateralExitCode, explicitRoots, reported } from './command.js';
import { type Contents, contentsOfFile } from './contents.js';
import { importablePublished } from './import-published.js';

export interface ImportOptions {
  readonly file: string;
  readonly cacheDir: string;
  /** Files of trust anchors instead of Intel's, and AMD's. */
  readonly roots: readonly string[];
  /** Hosts that URLs inside certificates may name, lower case. */
  readonly certificateHosts: readonly string[];
}

/** `dstack collateral import`: puts collateral from a file into a cache directory. */
export function runCollateralImport(options: ImportOptions, io: CollateralCommandIo): Promise<CollateralExitCode> {
  return reported(io, async () => {
    await importContents(await contentsOfFile(options.file, io), options, io);
    return 0;
  });
}

/**
 * All of it or nothing, if all of it verifies and none is older than what is there.
 * @throws CollateralError COLLATERAL_REJECTED, COLLATERAL_ANSWER_INVALID; VerifyInputError for roots that cannot be read
 */
export async function importContents({ sets, published }: Contents, { cacheDir, roots, certificateHosts }: Omit<ImportOptions, 'file'>, io: CollateralCommandIo): Promise<void> {
  const accept = await acceptanceUnder(roots, io);
  const directory = createCollateralDirectory(cacheDir);
  const accepted = sets.map(([wanted, collateral]) => [wanted, accept(collateral, wanted)] as const);
  for (const [wanted, set] of accepted) {
    const present = await stillGood(() => directory.read(collateralKey(wanted)), wanted, accept);
    if (present !== null && isOlder(set, present)) throw new CollateralError('COLLATERAL_REJECTED', `${cacheDir} holds newer collateral than this for ${collateralKey(wanted)}`);
  }
  const save = await importablePublished(published, { cacheDir, certificateHosts, explicit: await explicitRoots(roots, io) }, io);
  for (const [wanted, { collateral }] of accepted) {
    await directory.write(collateralKey(wanted), collateral);
    io.out(`imported ${collateralKey(wanted)}`);
  }
  await save();
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

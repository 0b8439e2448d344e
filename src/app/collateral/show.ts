import { DstackError, messageChain } from '../../errors/base.js';
import type { CollateralError } from '../../errors/collateral-error.js';
import { VerifyInputError } from '../verify/input.js';
import { acceptanceUnder, type CollateralCommandIo, type CollateralExitCode, explicitRoots, reported } from './command.js';
import { contentsOfDirectory, contentsOfFile } from './contents.js';
import { dateText, describeCollateral, describePublished } from './describe.js';
import { judgePublished, publishedAnchors } from './published.js';

export interface ShowOptions {
  readonly file: string | null;
  readonly cacheDir: string | null;
  /** Files of trust anchors instead of Intel's, and AMD's. */
  readonly roots: readonly string[];
}

/** `dstack collateral show`: says what collateral is there and whether it verifies now; 1 when some of it does not. */
export function runCollateralShow({ file, cacheDir, roots }: ShowOptions, io: CollateralCommandIo): Promise<CollateralExitCode> {
  return reported(io, async () => {
    if ((file === null) === (cacheDir === null)) throw new VerifyInputError('USAGE', 'either a file or --cache-dir is needed');
    const accept = await acceptanceUnder(roots, io);
    const contents = file === null ? await contentsOfDirectory(cacheDir ?? '', io) : await contentsOfFile(file, io);
    const verdicts = contents.sets.map(([wanted, collateral]) => show(io, () => describeCollateral(collateral, wanted, io.now()), () => accept(collateral, wanted).validUntil));
    for (const { answer, validity, refusal } of judgePublished(contents.published, publishedAnchors(await explicitRoots(roots, io)), io.now())) {
      const until = (): number => validity?.endsAt ?? refuse(refusal);
      verdicts.push(show(io, () => describePublished(answer, io.now()), until));
    }
    return contents.unreadable === 0 && verdicts.every(Boolean) ? 0 : 1;
  });
}

/** @param until verifies. @returns whether it verified */
function show(io: CollateralCommandIo, describe: () => readonly string[], until: () => number): boolean {
  try {
    for (const line of describe()) io.out(line);
    io.out(`  verified: yes, until ${dateText(until())}`);
    return true;
  } catch (error) {
    if (!(error instanceof DstackError)) throw error;
    io.out(`  verified: no, ${error.cause instanceof DstackError ? error.cause.code : error.code}: ${messageChain(error)}`);
    return false;
  }
}

function refuse(refusal: CollateralError | null): never {
  throw refusal ?? new TypeError('neither a validity nor a refusal');
}

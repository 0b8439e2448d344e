import { join } from 'node:path';
import { collateralKey, collateralRequestFromKey, type CollateralRequest, type QuoteCollateral } from '../../attestation/collateral.js';
import { messageChain } from '../../errors/base.js';
import { CollateralError } from '../../errors/collateral-error.js';
import { createCollateralDirectory } from '../../outbound/collateral-directory.js';
import { sourcesFromText } from '../collateral-file.js';
import { VerifyInputError } from '../verify/input.js';
import { type CollateralCommandIo, read } from './command.js';
import { subjectOf, subjectsOfRecording } from './wanted.js';

/** Collateral and what it is for, nothing of it verified; and how many files could not be read. */
export interface Sets {
  readonly sets: readonly (readonly [CollateralRequest, QuoteCollateral])[];
  readonly unreadable: number;
}

/** Of one set, or of a list of recorded HTTP answers. @throws VerifyInputError, CollateralError, VerificationError */
export async function setsInFile(file: string, io: CollateralCommandIo): Promise<Sets> {
  const text = Buffer.from(await read(file, io)).toString('utf8');
  const { collateral } = sourcesFromText(text);
  if (!text.trimStart().startsWith('[')) {
    const single = await collateral.getCollateral({ tee: 'tdx', fmspc: new Uint8Array(6), ca: 'platform' });
    return { sets: [[subjectOf(single), single]], unreadable: 0 };
  }
  // Which CA a kind of platform has is not said anywhere: what cannot be put together was not meant.
  const sets = new Map<string, readonly [CollateralRequest, QuoteCollateral]>();
  for (const wanted of subjectsOfRecording(text)) {
    const found = await collateral.getCollateral(wanted).catch(ignoreUnavailable);
    if (found !== null) sets.set(collateralKey(subjectOf(found)), [subjectOf(found), found]);
  }
  if (sets.size === 0) throw new VerifyInputError('INPUT_UNREADABLE', `${file} holds no DCAP collateral`);
  return { sets: [...sets.values()], unreadable: 0 };
}

/** Of a cache directory. */
export async function setsInDirectory(path: string, io: CollateralCommandIo): Promise<Sets> {
  const directory = createCollateralDirectory(path);
  const sets: (readonly [CollateralRequest, QuoteCollateral])[] = [];
  let unreadable = 0;
  for (const key of (await directory.keys()).toSorted()) {
    const wanted = collateralRequestFromKey(key);
    try {
      const collateral = await directory.read(key);
      if (wanted !== null && collateral !== null) sets.push([wanted, collateral]);
    } catch (error) {
      if (!(error instanceof CollateralError)) throw error;
      unreadable++;
      io.err(`${join(path, key)}: ${messageChain(error)}`);
    }
  }
  return { sets, unreadable };
}

function ignoreUnavailable(error: unknown): null {
  if (error instanceof CollateralError && error.code === 'COLLATERAL_UNAVAILABLE') return null;
  throw error;
}

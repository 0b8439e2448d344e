import { join } from 'node:path';
import { collateralKey, collateralRequestFromKey, type CollateralRequest, type QuoteCollateral } from '../../attestation/collateral.js';
import { messageChain } from '../../errors/base.js';
import { CollateralError } from '../../errors/collateral-error.js';
import { createCollateralDirectory } from '../../outbound/collateral-directory.js';
import { isRecordingText } from '../../attestation/recording.js';
import { createPublishedStore, IMPORTED_FILE, PUBLISHED_FILE, type StoredAnswer } from '../../outbound/published-store.js';
import { sourcesFromText } from '../collateral-file.js';
import { VerifyInputError } from '../verify/input.js';
import { type CollateralCommandIo, read } from './command.js';
import { publishedInRecording } from './published.js';
import { subjectOf, subjectsOfRecording } from './wanted.js';

/** What is in a file or directory, nothing of it verified. */
export interface Contents {
  /** DCAP collateral and what it is for. */
  readonly sets: readonly (readonly [CollateralRequest, QuoteCollateral])[];
  /** Certificates and revocation lists of vTPM keys and of SEV-SNP machines. */
  readonly published: readonly StoredAnswer[];
  /** Files that could not be read. */
  readonly unreadable: number;
}

/** Of one set, or of recorded HTTP answers. @throws VerifyInputError, CollateralError, VerificationError */
export async function contentsOfFile(file: string, io: CollateralCommandIo): Promise<Contents> {
  const text = Buffer.from(await read(file, io)).toString('utf8');
  const contents = await contentsOfText(text);
  if (contents.sets.length === 0 && contents.published.length === 0) throw new VerifyInputError('INPUT_UNREADABLE', `${file} holds no collateral`);
  return contents;
}

/** @throws CollateralError, VerificationError */
export async function contentsOfText(text: string): Promise<Contents> {
  const { collateral } = sourcesFromText(text);
  if (!isRecordingText(text)) {
    const single = await collateral.getCollateral({ tee: 'tdx', fmspc: new Uint8Array(6), ca: 'platform' });
    return { sets: [[subjectOf(single), single]], published: [], unreadable: 0 };
  }
  // Which CA a kind of platform has is not said anywhere: what cannot be put together was not meant.
  const sets = new Map<string, readonly [CollateralRequest, QuoteCollateral]>();
  for (const wanted of subjectsOfRecording(text)) {
    const found = await collateral.getCollateral(wanted).catch(ignoreUnavailable);
    if (found !== null) sets.set(collateralKey(subjectOf(found)), [subjectOf(found), found]);
  }
  const rootCaCrls = [...sets.values()].map(([, { rootCaCrl }]) => rootCaCrl);
  return { sets: [...sets.values()], published: publishedInRecording(text, rootCaCrls), unreadable: 0 };
}

/** Of a cache directory. */
export async function contentsOfDirectory(path: string, io: CollateralCommandIo): Promise<Contents> {
  const directory = createCollateralDirectory(path);
  let unreadable = 0;
  const orNothing = async <T>(name: string, load: () => Promise<readonly T[]>): Promise<readonly T[]> => {
    try {
      return await load();
    } catch (error) {
      if (!(error instanceof CollateralError)) throw error;
      unreadable++;
      io.err(`${join(path, name)}: ${messageChain(error)}`);
      return [];
    }
  };
  const sets: (readonly [CollateralRequest, QuoteCollateral])[] = [];
  for (const key of (await directory.keys()).toSorted()) {
    const wanted = collateralRequestFromKey(key);
    const [collateral = null] = await orNothing(`${key}.json`, async () => [await directory.read(key)]);
    if (wanted !== null && collateral !== null) sets.push([wanted, collateral]);
  }
  const published: StoredAnswer[] = [];
  for (const name of [PUBLISHED_FILE, IMPORTED_FILE] as const) published.push(...(await orNothing(name, () => createPublishedStore(path, name).load())));
  return { sets, published, unreadable };
}

function ignoreUnavailable(error: unknown): null {
  if (error instanceof CollateralError && error.code === 'COLLATERAL_UNAVAILABLE') return null;
  throw error;
}

import { isOfKeyService } from '../../attestation/certificate-fetcher.js';
import { messageChain } from '../../errors/base.js';
import { CollateralError } from '../../errors/collateral-error.js';
import { isListed } from '../../outbound/host-list.js';
import { placeOf } from '../../outbound/http-get.js';
import { createPublishedStore, IMPORTED_FILE, MAX_STORED_BYTES, PUBLISHED_FILE, questionOf, type StoredAnswer } from '../../outbound/published-store.js';
import { validityOf } from '../../outbound/published-validity.js';
import { printable } from '../printable.js';
import type { ExplicitRoot } from '../verify/roots.js';
import type { CollateralCommandIo } from './command.js';
import { judgePublished, publishedAnchors, type PublishedVerdict } from './published.js';

/** Certificates and lists one directory takes by hand: as many as a service keeps in memory. */
const MAX_ANSWERS = 256;

interface Destination {
  readonly cacheDir: string;
  /** As `isListed` takes them. */
  readonly certificateHosts: readonly string[];
  readonly explicit: readonly ExplicitRoot[];
}

/**
 * Judges certificates and revocation lists for a cache directory. They go into a file of their own, which services read and never
 * write, so that neither takes anything from the other.
 * @returns puts them there, beside what was imported before and has not ended
 * @throws CollateralError COLLATERAL_REJECTED for what does not verify, is older than what is there, of a host that is not configured,
 *   or too much; COLLATERAL_ANSWER_INVALID
 */
export async function importablePublished(answers: readonly StoredAnswer[], { cacheDir, certificateHosts, explicit }: Destination, io: CollateralCommandIo): Promise<() => Promise<void>> {
  if (answers.length === 0) return async () => undefined;
  const anchors = publishedAnchors(explicit);
  refuseForeign(answers, certificateHosts);
  const verdicts = judgePublished(answers, anchors, io.now());
  for (const { refusal } of verdicts) if (refusal !== null) throw refusal;
  const imported = await presentIn(cacheDir, IMPORTED_FILE, io);
  // What is there counts only as far as it verifies, if need be with what comes now.
  const present = [...imported, ...(await presentIn(cacheDir, PUBLISHED_FILE, io))];
  refuseOlder(verdicts, latestLists(judgePublished([...answers, ...present], anchors, io.now())), cacheDir);
  const replaced = new Set(answers.map(questionOf));
  const all = [...answers, ...imported.filter((answer) => !replaced.has(questionOf(answer)) && !hasEnded(answer, io.now()))];
  refuseTooMuch(all, cacheDir);
  return async () => {
    await createPublishedStore(cacheDir, IMPORTED_FILE).save(all);
    for (const { url } of answers) io.out(`imported ${printable(url)}`);
  };
}

function refuseForeign(answers: readonly StoredAnswer[], hosts: readonly string[]): void {
  const foreign = answers.find(({ url, kind }) => !isOfKeyService(kind) && !isListed(url, hosts));
  if (foreign !== undefined) throw new CollateralError('COLLATERAL_REJECTED', `${placeOf(foreign.url)} is of a host that is not configured; --certificate-host adds it`);
}

function refuseOlder(verdicts: readonly PublishedVerdict[], latest: ReadonlyMap<string, number>, cacheDir: string): void {
  for (const { answer, validity } of verdicts) {
    const isOlder = answer.kind === 'crl' && (validity?.issuedAt ?? 0) < (latest.get(questionOf(answer)) ?? 0);
    if (isOlder) throw new CollateralError('COLLATERAL_REJECTED', `there is a newer list than this of ${placeOf(answer.url)} in ${cacheDir}`);
  }
}

function refuseTooMuch(answers: readonly StoredAnswer[], cacheDir: string): void {
  const bytes = answers.reduce((sum, { body }) => sum + body.length, 0);
  if (answers.length <= MAX_ANSWERS && bytes <= MAX_STORED_BYTES) return;
  throw new CollateralError('COLLATERAL_REJECTED', `${cacheDir} would hold ${answers.length} imported certificates and lists, ${bytes} bytes; at most ${MAX_ANSWERS}, ${MAX_STORED_BYTES} bytes`);
}

/** Also true of what cannot be read any more. */
function hasEnded({ url, kind, body }: StoredAnswer, now: number): boolean {
  try {
    return now > validityOf(body, kind, url).endsAt;
  } catch (error) {
    if (error instanceof CollateralError) return true;
    throw error;
  }
}

/** A file that cannot be read holds nothing worth keeping. */
async function presentIn(cacheDir: string, file: typeof IMPORTED_FILE | typeof PUBLISHED_FILE, io: CollateralCommandIo): Promise<readonly StoredAnswer[]> {
  try {
    return await createPublishedStore(cacheDir, file).load();
  } catch (error) {
    if (!(error instanceof CollateralError)) throw error;
    io.err(`${file}: ${messageChain(error)}`);
    return [];
  }
}

/** When the newest list that verifies was issued, by the question it answers. */
function latestLists(verdicts: readonly PublishedVerdict[]): ReadonlyMap<string, number> {
  const latest = new Map<string, number>();
  for (const { answer, validity } of verdicts) {
    if (validity === null || answer.kind !== 'crl') continue;
    const question = questionOf(answer);
    latest.set(question, Math.max(validity.issuedAt, latest.get(question) ?? 0));
  }
  return latest;
}

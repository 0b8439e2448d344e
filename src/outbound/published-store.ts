import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isOfKeyService, type PublishedKind } from '../attestation/certificate-fetcher.js';
import { parseRecording, recordingJson, targetOf } from '../attestation/recording.js';
import { fileVersion, readFileBounded } from './bounded-file.js';
import { DurableFiles } from './durable-files.js';

export interface StoredAnswer {
  readonly url: string;
  readonly kind: PublishedKind;
  readonly body: Uint8Array;
}

/** Answers that verified once, on disk. Nothing read from it is to be trusted. */
export interface PublishedStore {
  /** A text that is another one whenever the file is; "" for no file. */
  version(): Promise<string>;
  /** @throws CollateralError COLLATERAL_ANSWER_INVALID for a file that is no recording */
  load(): Promise<readonly StoredAnswer[]>;
  /** The most important first: what does not fit is left out. Replaces the file whole or not at all. */
  save(answers: readonly StoredAnswer[]): Promise<void>;
}

/** Files in the directory of `createCollateralDirectory`: written by the service alone, and by people with `dstack collateral import` alone. */
export const PUBLISHED_FILE = 'published.json';
export const IMPORTED_FILE = 'imported.json';
/** What `parseRecording` reads at most, and bytes of bodies that stay well below it in base64. */
const MAX_FILE_BYTES = 16 << 20;
export const MAX_STORED_BYTES = 8 << 20;
const KIND_HEADER = 'Published-Kind';
const KINDS: ReadonlySet<string> = new Set<PublishedKind>(['certificate', 'crl', 'amd-chain', 'amd-vcek']);

/**
 * The same for answers to the same question. AMD's are the same whichever service passes them on: there is one, and the operator names it.
 * @throws TypeError for AMD's kinds, when `url` is none
 */
export function questionOf({ url, kind }: Omit<StoredAnswer, 'body'>): string {
  return `${kind} ${isOfKeyService(kind) ? targetOf(url) : url}`;
}

/** In a file of recorded HTTP answers in this directory. */
export function createPublishedStore(directory: string, file: typeof PUBLISHED_FILE | typeof IMPORTED_FILE): PublishedStore {
  const path = join(directory, file);
  return {
    version: () => fileVersion(path),
    async load() {
      const text = await readFileBounded(path, MAX_FILE_BYTES);
      return text === null ? [] : parseRecording(text.toString('utf8')).flatMap(({ url, headers, body }) => (isKind(headers[KIND_HEADER]) ? [{ url, kind: headers[KIND_HEADER], body }] : []));
    },
    async save(answers) {
      let bytes = 0;
      const fitting = answers.filter(({ body }) => (bytes += body.length) <= MAX_STORED_BYTES);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const recorded = fitting.map(({ url, kind, body }) => ({ url, status: 200, headers: { [KIND_HEADER]: kind }, body }));
      await new DurableFiles().replace(path, recordingJson(recorded), 0o644);
    },
  };
}

function isKind(text: string | undefined): text is PublishedKind {
  return text !== undefined && KINDS.has(text);
}

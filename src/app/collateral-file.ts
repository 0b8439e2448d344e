import { statSync } from 'node:fs';
import { type CertificateFetcher, NO_CERTIFICATES } from '../attestation/certificate-fetcher.js';
import type { CollateralGetter } from '../attestation/collateral.js';
import { parseCollateralJson } from '../attestation/dcap/collateral-format.js';
import { recordedAnswers } from '../attestation/dcap/recorded-answers.js';
import { isRecordingText } from '../attestation/recording.js';
import { recordedCertificates } from '../attestation/recorded-certificates.js';
import { readBounded } from '../config/load-file.js';
import { DstackError, messageChain } from '../errors/base.js';
import { versionOf } from '../outbound/bounded-file.js';
import type { Log } from './log.js';

const MAX_FILE_BYTES = 24 * 1024 * 1024;

/** What a file answers instead of the network. */
export interface FileSources {
  readonly collateral: CollateralGetter;
  readonly certificates: CertificateFetcher;
}

/**
 * `collateral_file`: read once at start so that mistakes show then, and again whenever the file has changed, which is looked at each
 * time something is wanted. One that cannot be used is no change.
 */
export class CollateralFile implements FileSources {
  readonly #path: string;
  readonly #log: Log;
  #version: string;
  #sources: FileSources;
  #edition = 0;

  /** @throws ConfigError, CollateralError for a file that holds no collateral */
  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    this.#version = this.#versionNow();
    this.#sources = this.#read();
  }

  /** Another number whenever the file holds something else that can be used. */
  get edition(): number {
    this.#look();
    return this.#edition;
  }

  readonly collateral: CollateralGetter = { getCollateral: async (wanted) => this.#look().collateral.getCollateral(wanted) };

  readonly certificates: CertificateFetcher = {
    allows: (url) => this.#look().certificates.allows(url),
    fetch: async (url, kind) => this.#look().certificates.fetch(url, kind),
  };

  #look(): FileSources {
    const version = this.#versionNow();
    if (version === this.#version) return this.#sources;
    this.#version = version;
    try {
      this.#sources = this.#read();
      this.#edition++;
    } catch (error) {
      if (!(error instanceof DstackError)) throw error;
      this.#log.warn({ path: this.#path, error: messageChain(error) }, 'the collateral file cannot be used; what it held before is used on');
    }
    return this.#sources;
  }

  #versionNow(): string {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    return found === undefined ? '' : versionOf(found);
  }

  #read(): FileSources {
    return sourcesFromText(readBounded(this.#path, MAX_FILE_BYTES).toString('utf8'));
  }
}

/**
 * The same collateral getter, which has what is kept fetched anew before it answers when the file holds something else.
 * @param refresh resolves when everything was fetched anew; never rejects
 */
export function followingFile(file: CollateralFile, kept: CollateralGetter, refresh: () => Promise<void>): CollateralGetter {
  let seen = file.edition;
  let refreshed = Promise.resolve();
  return {
    async getCollateral(wanted, genuine) {
      const { edition } = file;
      if (edition !== seen) refreshed = refresh();
      seen = edition;
      await refreshed;
      return kept.getCollateral(wanted, genuine);
    },
  };
}

/**
 * Recorded HTTP answers, of collateral services and of whoever publishes certificates, or one set of collateral.
 * @throws CollateralError COLLATERAL_ANSWER_INVALID
 */
export function sourcesFromText(text: string): FileSources {
  if (isRecordingText(text)) return { collateral: recordedAnswers(text), certificates: recordedCertificates(text) };
  const collateral = parseCollateralJson(text);
  return { collateral: { getCollateral: async () => collateral }, certificates: NO_CERTIFICATES };
}

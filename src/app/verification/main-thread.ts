import type { MessagePort } from 'node:worker_threads';
import type { CertificateFetcher, PublishedKind } from '../../attestation/certificate-fetcher.js';
import { type CollateralGetter, collateralKey, type CollateralRequest, type QuoteCollateral } from '../../attestation/collateral.js';
import { BoundedMap } from '../../cache/bounded-map.js';
import type { Answer, FromThread, Question } from './messages.js';
import { unpackError } from './packed-error.js';

/** Kinds of platform whose collateral a thread holds; about 100 KiB each. */
const HELD = { capacity: 32, maxKeyLength: 64 };

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** The main thread as seen from a verifying one: it has the network, and the answers of vendors. */
export class MainThread implements CollateralGetter, CertificateFetcher {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Waiting>();
  readonly #held = new BoundedMap<{ readonly edition: number; readonly collateral: QuoteCollateral }>(HELD);
  #next = 0;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  answered(question: number, answer: Answer): void {
    const waiting = this.#waiting.get(question);
    this.#waiting.delete(question);
    if (answer.of === 'failure') waiting?.reject(unpackError(answer.error));
    else waiting?.resolve(answer);
  }

  /** Collateral is sent once per edition: the same object comes back until the main thread has another. */
  async getCollateral(request: CollateralRequest, genuine?: () => void): Promise<QuoteCollateral> {
    const key = collateralKey(request);
    const held = this.#held.get(key);
    const wanted = { of: 'collateral', request, held: held?.edition ?? null } as const;
    let answer = await this.#ask({ ...wanted, genuine: genuine === undefined });
    if (answer.of === 'unfetched') {
      genuine?.();
      answer = await this.#ask({ ...wanted, genuine: true });
    }
    if (answer.of !== 'collateral') throw new TypeError('another answer than was asked for');
    const collateral = answer.collateral ?? held?.collateral;
    if (collateral === undefined) throw new TypeError('collateral left out that is not held');
    this.#held.set(key, { edition: answer.edition, collateral });
    return collateral;
  }

  /** Decided where the configuration is, when it is fetched: the refusal is the same. */
  allows(): boolean {
    return true;
  }

  async fetch(url: string, published: PublishedKind): Promise<Uint8Array> {
    const answer = await this.#ask({ of: 'published', url, published });
    if (answer.of !== 'published') throw new TypeError('another answer than was asked for');
    return answer.body;
  }

  judge(url: string, published: PublishedKind, verified: boolean): void {
    this.#send({ kind: 'judge', url, published, verified });
  }

  #ask(about: Question): Promise<Answer> {
    const question = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(question, { resolve, reject });
      this.#send({ kind: 'question', question, about });
    });
  }

  #send(message: FromThread): void {
    this.#port.postMessage(message);
  }
}

import type { CertificateFetcher } from '../../attestation/certificate-fetcher.js';
import { type CollateralGetter, collateralKey, type QuoteCollateral, sameCollateral } from '../../attestation/collateral.js';
import { BoundedMap } from '../../cache/bounded-map.js';
import { VerificationError } from '../../errors/verification-error.js';
import type { Answer, Question } from './messages.js';
import { packError } from './packed-error.js';
import { Turns } from '../../scheduling/turns.js';

export interface Sources {
  readonly collateral: CollateralGetter;
  readonly certificates: CertificateFetcher;
}

/** Thrown at a getter about to fetch for a quote nobody has looked at: that is the thread's work. */
const UNFETCHED = new Error('the quote was not looked at');

/** Kinds of platform whose collateral is told apart from its successor. */
const EDITIONS = { capacity: 32, maxKeyLength: 64 };

/** Answers what verifying threads ask, one question a turn of the event loop. Never rejects. */
export class Answers {
  readonly #sources: Sources;
  readonly #editions = new BoundedMap<{ readonly number: number; readonly collateral: QuoteCollateral }>(EDITIONS);
  readonly #turns = new Turns();
  #lastEdition = 0;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  to(question: Question): Promise<Answer> {
    return new Promise((resolve) => {
      this.#turns.add(() => resolve(this.#answer(question)));
    });
  }

  async #answer(question: Question): Promise<Answer> {
    try {
      return question.of === 'collateral' ? await this.#collateral(question) : await this.#published(question);
    } catch (error) {
      if (error === UNFETCHED) return { of: 'unfetched' };
      return { of: 'failure', error: packError(error) };
    }
  }

  async #collateral({ request, held, genuine }: Extract<Question, { of: 'collateral' }>): Promise<Answer> {
    const vouch = (): void => {
      if (!genuine) throw UNFETCHED;
    };
    const collateral = await this.#sources.collateral.getCollateral(request, vouch);
    const edition = this.#editionOf(collateralKey(request), collateral);
    return { of: 'collateral', edition, collateral: edition === held ? null : collateral };
  }

  #editionOf(key: string, collateral: QuoteCollateral): number {
    const known = this.#editions.get(key);
    if (known !== undefined && sameCollateral(known.collateral, collateral)) return known.number;
    this.#editions.set(key, { number: ++this.#lastEdition, collateral });
    return this.#lastEdition;
  }

  async #published({ url, published }: Extract<Question, { of: 'published' }>): Promise<Answer> {
    const isNamedByOthers = published === 'certificate' || published === 'crl';
    if (isNamedByOthers && !this.#sources.certificates.allows(url)) {
      throw new VerificationError('TPM_AK_URL_REFUSED', 'a certificate of the attestation key names a host that is not configured');
    }
    return { of: 'published', body: await this.#sources.certificates.fetch(url, published) };
  }
}

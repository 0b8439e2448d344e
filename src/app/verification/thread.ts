import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Attestation } from '../../attestation/evidence/attestation.js';
import type { VerifiedAttestation } from '../../attestation/evidence/verified.js';
import { ServiceError } from '../../errors/service-error.js';
import type { Answers, Sources } from './answers.js';
import type { Answer, FromThread, ThreadData, ToThread } from './messages.js';
import { packError, unpackError } from './packed-error.js';
import type { Turns } from '../../scheduling/turns.js';

/** One call on its way through a thread. */
export interface Job {
  readonly attestation: Attestation;
  /** Unix seconds. */
  readonly now: number;
  readonly resolve: (verified: VerifiedAttestation) => void;
  readonly reject: (error: unknown) => void;
}

/** What a thread is surrounded by. */
export interface ThreadSurroundings {
  readonly answers: Answers;
  readonly sources: Sources;
  /** What it says is heard there: a port delivers all there is in one go, and more for as long as more comes. */
  readonly turns: Turns;
  /** Called whenever it has finished a job or waits for an answer, and when it has ended. */
  readonly onIdle: () => void;
}

/** Evidence is at most 10 MiB and collateral 8 MiB a field; a thread that needs more than this ends instead of the process. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32 };

/** A worker thread and the jobs it has. It ends by itself when it breaks; its jobs then fail, once. */
export class VerificationThread {
  readonly #worker: Worker;
  readonly #jobs = new Map<number, Job>();
  readonly #onIdle: () => void;
  #next = 0;
  #questions = 0;
  #silent = false;
  /** False once it has ended or must not get more. */
  usable = true;

  /**
   * @param entry module it runs: `threadEntry()`
   */
  constructor(entry: string | URL, data: ThreadData, { answers, sources, turns, onIdle }: ThreadSurroundings) {
    this.#onIdle = onIdle;
    this.#worker = new Worker(entry, { workerData: data, resourceLimits: RESOURCE_LIMITS, execArgv: [], env: {} });
    this.#worker.unref();
    this.#worker.on('message', (message: FromThread) => {
      this.#silent = false;
      turns.add(() => this.#heard(message, answers, sources));
    });
    this.#worker.on('error', (error) => this.#ended(error));
    this.#worker.on('exit', () => this.#ended(null));
  }

  get load(): number {
    return this.#jobs.size;
  }

  /** Jobs it can go on with: the others wait for an answer. */
  get working(): number {
    return this.#jobs.size - this.#questions;
  }

  run(job: Job): void {
    const id = this.#next++;
    this.#jobs.set(id, job);
    this.#silent = true;
    this.#worker.ref();
    try {
      this.#send({ kind: 'verify', job: id, attestation: job.attestation, now: job.now });
    } catch (error) {
      this.#finish(id, () => job.reject(error));
    }
  }

  /** Whether it was given this job and has said nothing since it was last given one. */
  isStuckOn(job: Job): boolean {
    return this.#silent && [...this.#jobs.values()].includes(job);
  }

  /** Ends it at once, whatever it is doing. */
  async end(): Promise<void> {
    this.usable = false;
    await this.#worker.terminate();
  }

  #heard(message: FromThread, answers: Answers, sources: Sources): void {
    switch (message.kind) {
      case 'question':
        void this.#answer(message.question, answers.to(message.about));
        this.#onIdle();
        return;
      case 'judge':
        sources.certificates.judge?.(message.url, message.published, message.verified);
        return;
      case 'verified':
        return this.#finish(message.job, (job) => job.resolve({ ...message.verified, attestation: job.attestation }));
      case 'refused':
        return this.#finish(message.job, (job) => job.reject(unpackError(message.error)));
    }
  }

  async #answer(question: number, coming: Promise<Answer>): Promise<void> {
    this.#questions++;
    const answer = await coming;
    this.#questions--;
    if (!this.usable) return;
    try {
      this.#send({ kind: 'answer', question, answer });
    } catch (error) {
      this.#send({ kind: 'answer', question, answer: { of: 'failure', error: packError(error) } });
    }
  }

  #finish(id: number, settle: (job: Job) => void): void {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    if (this.#jobs.size === 0) this.#worker.unref();
    if (job !== undefined) settle(job);
    this.#onIdle();
  }

  #ended(cause: Error | null): void {
    this.usable = false;
    for (const job of this.#jobs.values()) job.reject(new ServiceError('INTERNAL_ERROR', 'the thread verifying this evidence ended', { cause }));
    this.#jobs.clear();
    this.#onIdle();
  }

  #send(message: ToThread): void {
    this.#worker.postMessage(message);
  }
}

/** Beside this file where it was compiled; sources that are run as they are use the compiled thread of the same package. */
export function threadEntry(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const beside = join(here, 'worker.js');
  return existsSync(beside) ? beside : join(here, '../../../dist/src/app/verification/worker.js');
}

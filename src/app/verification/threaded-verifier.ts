import { availableParallelism } from 'node:os';
import { DEFAULT_AMD_KDS_URL, NO_CERTIFICATES } from '../../attestation/certificate-fetcher.js';
import type { Attestation } from '../../attestation/evidence/attestation.js';
import type { AttestationVerifier, AttestationVerifierOptions } from '../../attestation/evidence/attestation-verifier.js';
import type { VerifiedAttestation } from '../../attestation/evidence/verified.js';
import { ServiceError } from '../../errors/service-error.js';
import { Answers, type Sources } from './answers.js';
import type { ThreadData } from './messages.js';
import { type Job, threadEntry, VerificationThread } from './thread.js';
import { Turns } from '../../scheduling/turns.js';

export interface ThreadLimits {
  readonly threads: number;
  /** Jobs a thread has at a time: while some wait for collateral, others are verified. */
  readonly jobsPerThread: number;
  /** Of these, jobs that wait for nothing. */
  readonly workingPerThread: number;
  readonly queued: number;
  /** Milliseconds from the call to its answer. */
  readonly deadlineMs: number;
}

/**
 * One core is left to everything else. Jobs that wait for collateral, of platforms nobody has heard of as well, must not keep others out, so a
 * thread takes many; of those it can go on with it has just enough not to run out, as all it holds is moved about whenever its memory is cleaned up.
 * A minute is longer than several collateral services take to fail one after the other.
 */
export const DEFAULT_THREAD_LIMITS: ThreadLimits = { threads: Math.min(Math.max(availableParallelism() - 1, 1), 4), jobsPerThread: 256, workingPerThread: 8, queued: 1024, deadlineMs: 60_000 };

export interface ThreadedVerifier extends AttestationVerifier {
  /** Starts the first thread, for which the first call would have to wait. */
  start(): void;
  /** Ends the threads; calls in flight fail. */
  close(): Promise<void>;
}

/**
 * A verifier that does not stop the process from answering others while it is at work: worker threads verify, each with a cache of its own.
 * The main thread's part of a call costs it no more than a verification there that finds everything known.
 *
 * @param entry module the threads run
 *
 * Its `verify` throws as `verifyAttestation`, and ServiceError RESOURCE_EXHAUSTED when too much waits, DEADLINE_EXCEEDED, NOT_READY
 * once closed, INTERNAL_ERROR when a thread ended under the evidence.
 */
export function createThreadedVerifier(options: AttestationVerifierOptions, limits: ThreadLimits = DEFAULT_THREAD_LIMITS, entry: string | URL = threadEntry()): ThreadedVerifier {
  return new VerificationPool(options, limits, entry);
}

class VerificationPool implements ThreadedVerifier {
  readonly #clock: () => number;
  readonly #limits: ThreadLimits;
  readonly #entry: string | URL;
  readonly #data: ThreadData;
  readonly #sources: Sources;
  readonly #answers: Answers;
  readonly #queue = new Set<Job>();
  #threads: VerificationThread[] = [];
  readonly #turns = new Turns();
  #closed = false;

  constructor(options: AttestationVerifierOptions, limits: ThreadLimits, entry: string | URL) {
    const { roots, collateral, certificates = NO_CERTIFICATES, amdKdsUrl = DEFAULT_AMD_KDS_URL, clock } = options;
    this.#clock = clock;
    this.#limits = limits;
    this.#entry = entry;
    this.#data = { roots, amdKdsUrl };
    this.#sources = { collateral, certificates };
    this.#answers = new Answers(this.#sources);
  }

  async verify(attestation: Attestation): Promise<VerifiedAttestation> {
    if (this.#closed) throw new ServiceError('NOT_READY', 'evidence is no longer verified: the service is stopping');
    return this.#onThread(attestation);
  }

  start(): void {
    if (!this.#closed && this.#threads.length === 0) this.#startThread();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const job of this.#queue) job.reject(new ServiceError('NOT_READY', 'evidence is no longer verified: the service is stopping'));
    this.#queue.clear();
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  #onThread(attestation: Attestation): Promise<VerifiedAttestation> {
    const { queued, deadlineMs } = this.#limits;
    if (this.#queue.size >= queued) throw new ServiceError('RESOURCE_EXHAUSTED', 'too much evidence waits to be verified');
    return new Promise((resolve, reject) => {
      const settle = <T>(then: (value: T) => void) => (value: T): void => {
        clearTimeout(timer);
        then(value);
      };
      const job: Job = { attestation, now: this.#clock(), resolve: settle(resolve), reject: settle(reject) };
      const timer = setTimeout(() => this.#expire(job), deadlineMs);
      this.#queue.add(job);
      if (this.#queue.size === 1) this.#turns.add(this.#dispatch);
    });
  }

  /** A thread that was given the evidence and did not get through with it may never do: it is replaced. */
  #expire(job: Job): void {
    const wasWaiting = this.#queue.delete(job);
    job.reject(new ServiceError('DEADLINE_EXCEEDED', 'evidence was not verified in time'));
    if (wasWaiting) return;
    void this.#threads.find((thread) => thread.usable && thread.isStuckOn(job))?.end();
  }

  readonly #dispatch = (): void => {
    if (this.#closed) return;
    this.#threads = this.#threads.filter((thread) => thread.usable);
    const [job] = this.#queue;
    const thread = job === undefined ? null : this.#freeThread();
    if (job === undefined || thread === null) return;
    this.#queue.delete(job);
    thread.run(job);
    this.#turns.add(this.#dispatch);
  };

  /** The least loaded one; a further one is started only when all that run have something to do. */
  #freeThread(): VerificationThread | null {
    const { threads, jobsPerThread, workingPerThread } = this.#limits;
    const free = this.#threads.filter(({ working, load }) => working < workingPerThread && load < jobsPerThread);
    const [least] = free.sort((a, b) => a.working - b.working || a.load - b.load);
    if (this.#threads.length < threads && (least === undefined || least.working > 0)) return this.#startThread();
    return least ?? null;
  }

  #startThread(): VerificationThread {
    const started = new VerificationThread(this.#entry, this.#data, { answers: this.#answers, sources: this.#sources, turns: this.#turns, onIdle: this.#dispatch });
    this.#threads.push(started);
    return started;
  }
}

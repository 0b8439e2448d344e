import { afterEach, describe, expect, test } from 'vitest';
import { Answers } from '../../../src/app/verification/answers.js';
import { createThreadedVerifier, type ThreadedVerifier, type ThreadLimits } from '../../../src/app/verification/threaded-verifier.js';
import type { CollateralGetter } from '../../../src/attestation/collateral.js';
import { collateralRequestOf } from '../../../src/attestation/dcap/pck-chain.js';
import { createAttestationVerifier } from '../../../src/attestation/evidence/attestation-verifier.js';
import type { Attestation } from '../../../src/attestation/evidence/attestation.js';
import type { VerifiedAttestation } from '../../../src/attestation/evidence/verified.js';
import { parseQuote } from '../../../src/attestation/tdx/quote.js';
import { decodeAttestation } from '../../../src/attestation/wire/decode.js';
import { DstackError, messageChain } from '../../../src/errors/base.js';
import { CollateralError } from '../../../src/errors/collateral-error.js';
import { evidenceCertificates, evidenceCollateral, evidenceIndex, evidenceRoots } from '../../attestation/evidence/evidence-index.js';
import { vector } from '../../attestation/vectors.js';

const LIMITS: ThreadLimits = { threads: 2, jobsPerThread: 4, workingPerThread: 2, queued: 64, deadlineMs: 15_000 };
const started: ThreadedVerifier[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((verifier) => verifier.close()));
});

const parts = { roots: evidenceRoots, certificates: evidenceCertificates(), clock: () => evidenceIndex.made_at };

function threaded(collateral: CollateralGetter = evidenceCollateral(), limits: Partial<ThreadLimits> = {}): ThreadedVerifier {
  const verifier = createThreadedVerifier({ ...parts, collateral }, { ...LIMITS, ...limits });
  started.push(verifier);
  return verifier;
}

const attestationOf = (file: string): Attestation => decodeAttestation(vector(`evidence/${file}`));
const tdx = attestationOf('tdx.bin');
const quote = parseQuote(tdx.platform.kind === 'tdx' ? tdx.platform.quote : new Uint8Array());

async function outcome(work: Promise<VerifiedAttestation>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof DstackError)) throw error;
    return { class: error.name, code: error.code, text: messageChain(error) };
  }
}

const code = (name: string, expected: string) => expect.objectContaining({ name, code: expected });
const never: CollateralGetter = { getCollateral: () => new Promise(() => undefined) };

describe('a storm', () => {
  test('of every recorded evidence at once has the verdicts of one after the other', async () => {
    const inline = createAttestationVerifier({ ...parts, collateral: evidenceCollateral() });
    const verifier = threaded();
    const attestations = evidenceIndex.cases.map(({ file }) => attestationOf(file));
    const together = await Promise.all(attestations.map((attestation) => outcome(verifier.verify(attestation))));
    for (const [i, attestation] of attestations.entries()) {
      expect(together[i], evidenceIndex.cases[i]?.file).toEqual(await outcome(inline.verify(attestation)));
    }
  });

  test('is sent collateral once, and again when there is another edition', async () => {
    const given = await evidenceCollateral().getCollateral(collateralRequestOf(quote));
    let current = given;
    const answers = new Answers({ collateral: { getCollateral: async () => current }, certificates: evidenceCertificates() });
    const ask = (held: number | null) => answers.to({ of: 'collateral', request: collateralRequestOf(quote), held, genuine: true });
    expect(await ask(null)).toEqual({ of: 'collateral', edition: 1, collateral: given });
    current = { ...given };
    expect(await ask(1)).toEqual({ of: 'collateral', edition: 1, collateral: null });
    current = { ...given, tcbInfo: `${given.tcbInfo} ` };
    expect(await ask(1)).toEqual({ of: 'collateral', edition: 2, collateral: current });
    expect(await ask(2)).toEqual({ of: 'collateral', edition: 2, collateral: null });
  });
});

describe('collateral that would have to be fetched', () => {
  const fetched = (): { readonly verifier: ThreadedVerifier; readonly fetches: () => number } => {
    let count = 0;
    const kept = evidenceCollateral();
    const verifier = threaded({
      async getCollateral(request, genuine) {
        genuine?.();
        count++;
        return kept.getCollateral(request);
      },
    });
    return { verifier, fetches: () => count };
  };

  test('is fetched for a quote that is genuine', async () => {
    const { verifier, fetches } = fetched();
    await expect(verifier.verify(tdx)).resolves.toMatchObject({ variant: 'dstack-tdx' });
    expect(fetches()).toBe(1);
  });

  test('is not fetched for one that nobody signed', async () => {
    const { verifier, fetches } = fetched();
    if (tdx.platform.kind !== 'tdx') throw new Error('not of TDX');
    const changed = Uint8Array.from(tdx.platform.quote);
    changed[600] = (changed[600] ?? 0) ^ 1;
    const forged: Attestation = { ...tdx, platform: { ...tdx.platform, quote: changed } };
    await expect(verifier.verify(forged)).rejects.toThrow(code('VerificationError', 'QUOTE_SIGNATURE_INVALID'));
    expect(fetches()).toBe(0);
  });
});

describe('limits and failures', () => {
  test('collateral that cannot be had is no verdict', async () => {
    const verifier = threaded({
      getCollateral: async () => {
        throw new CollateralError('COLLATERAL_UNAVAILABLE', 'nobody answers');
      },
    });
    await expect(verifier.verify(tdx)).rejects.toThrow(code('CollateralError', 'COLLATERAL_UNAVAILABLE'));
  });

  test('what waits too long is told so', async () => {
    const verifier = threaded(never, { deadlineMs: 300 });
    await expect(verifier.verify(tdx)).rejects.toThrow(code('ServiceError', 'DEADLINE_EXCEEDED'));
  });

  test('what does not fit the queue is told so at once', async () => {
    const verifier = threaded(never, { threads: 1, jobsPerThread: 1, queued: 2 });
    const waiting = [1, 2].map(() => outcome(verifier.verify(tdx)));
    await expect(verifier.verify(tdx)).rejects.toThrow(code('ServiceError', 'RESOURCE_EXHAUSTED'));
    await verifier.close();
    expect((await Promise.all(waiting)).every((result) => result instanceof Object && 'code' in result)).toBe(true);
  });

  /** A thread that does what the configuration of the evidence says. */
  const obeying = new URL(`data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    const error = { type: 'VerificationError', code: 'RTMR3_MISMATCH', message: '', fields: {}, cause: null };
    const gathered = [];
    parentPort.on('message', ({ job, attestation: { stack: { config } } }) => {
      if (config === 'end') process.exit(3);
      if (config === 'hang') for (;;);
      if (config === 'ask') return parentPort.postMessage({ kind: 'question', question: job, about: { of: 'published', url: 'https://certificates.example/', published: 'crl' } });
      if (config === 'gather' && gathered.push(job) < 20) return;
      for (const done of [...gathered, job]) parentPort.postMessage({ kind: 'refused', job: done, error });
    });`)}`);
  const told = (config: string): Attestation => ({ ...tdx, stack: { ...tdx.stack, config } });

  test.each([['end', 'INTERNAL_ERROR'], ['hang', 'DEADLINE_EXCEEDED']])('a thread that should %s fails its call with %s, and another takes its place', async (what, expected) => {
    const verifier = createThreadedVerifier({ ...parts, collateral: never }, { ...LIMITS, threads: 1, deadlineMs: 700 }, obeying);
    started.push(verifier);
    await expect(verifier.verify(told('work'))).rejects.toThrow(code('VerificationError', 'RTMR3_MISMATCH'));
    await expect(verifier.verify(told(what))).rejects.toThrow(code('ServiceError', expected));
    await expect(verifier.verify(told('work'))).rejects.toThrow(code('VerificationError', 'RTMR3_MISMATCH'));
  });

  test('a thread has no more work before it than it needs, and what waits for an answer is none', async () => {
    const certificates = { allows: () => true, fetch: () => new Promise<never>(() => undefined) };
    const verifier = createThreadedVerifier({ ...parts, collateral: never, certificates }, { ...LIMITS, threads: 1, jobsPerThread: 25, workingPerThread: 3, deadlineMs: 1_000 }, obeying);
    started.push(verifier);
    const waiting = Array.from({ length: 12 }, () => outcome(verifier.verify(told('ask'))));
    await expect(verifier.verify(told('work'))).rejects.toThrow(code('VerificationError', 'RTMR3_MISMATCH'));
    // Answered once there are 20: it is given three.
    const gathering = Array.from({ length: 20 }, () => outcome(verifier.verify(told('gather'))));
    for (const late of await Promise.all([...waiting, ...gathering])) expect(late).not.toMatchObject({ code: 'RTMR3_MISMATCH' });
  });

  test('verdicts that come all at once are given one a turn of the event loop', async () => {
    const verifier = createThreadedVerifier({ ...parts, collateral: never }, { ...LIMITS, threads: 1, jobsPerThread: 20, workingPerThread: 20 }, obeying);
    started.push(verifier);
    const given = new Map<number, number>();
    let turn = 0;
    const turning = { timer: setImmediate(function next() {
      turn++;
      turning.timer = setImmediate(next);
    }) };
    await Promise.all(Array.from({ length: 20 }, () => verifier.verify(told('gather')).catch(() => given.set(turn, (given.get(turn) ?? 0) + 1))));
    clearImmediate(turning.timer);
    expect([...given.values()]).toEqual(Array<number>(20).fill(1));
  });

  test('an answer that cannot be sent fails its call only', async () => {
    const verifier = threaded({ getCollateral: async () => ({ tcbInfo: () => 0 }) as never }, { threads: 1 });
    await expect(verifier.verify(tdx)).rejects.toThrow(/cloned/);
    await expect(verifier.verify(attestationOf('nitro.bin'))).resolves.toMatchObject({ variant: 'dstack-nitro-enclave' });
  });

  test('after it was closed nothing is verified', async () => {
    const verifier = threaded();
    await verifier.close();
    await expect(verifier.verify(tdx)).rejects.toThrow(code('ServiceError', 'NOT_READY'));
  });
});

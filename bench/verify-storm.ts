// `npm run bench -- --verify-storm`: evidence of many platforms at once, none seen before, and /health of the same process meanwhile.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { createThreadedVerifier, DEFAULT_THREAD_LIMITS } from '../src/app/verification/threaded-verifier.js';
import { type AttestationVerifier, type AttestationVerifierOptions, createAttestationVerifier } from '../src/attestation/evidence/attestation-verifier.js';
import type { QuoteCollateral } from '../src/attestation/collateral.js';
import type { Attestation } from '../src/attestation/evidence/attestation.js';
import { vendorRoots } from '../src/attestation/roots/vendor-roots.js';
import { createDevelopmentCollateral } from '../src/simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../src/simulator/tdx-pki.js';
import { createDevelopmentTdx } from '../src/simulator/tdx-platform.js';
import { probed, spread } from './probed.js';

const EVIDENCE = 3_000;
/** Calls in flight; a verifier lets 1024 wait. */
const AT_ONCE = 600;
const seed = new Uint8Array(32).fill(7);
const clock = (): number => Date.now() / 1000;
const pki = createDevelopmentTdxPki(seed);
const imageHash = new Uint8Array(32);

/** The collateral is another edition for every call, so that no verification finds its own done before. */
function coldOptions(): AttestationVerifierOptions {
  const editions = Array.from({ length: EVIDENCE }, (_, i) => createDevelopmentCollateral(pki, { now: clock() - i }));
  let calls = 0;
  return {
    roots: { ...vendorRoots(), tdx: pki.root },
    clock,
    collateral: { getCollateral: async () => editions[calls++ % EVIDENCE] as QuoteCollateral },
  };
}

async function evidence(): Promise<Attestation[]> {
  const machine = createDevelopmentTdx({ seed, clock, imageHash, app: { events: [] }, vmConfig: null });
  return Promise.all(Array.from({ length: EVIDENCE }, (_, i) => machine.attest(new Uint8Array(64).fill(i & 0xff).fill(i >> 8, 0, 1))));
}

/** The work, and a health endpoint in this process meanwhile. */
async function storm(work: () => Promise<unknown>): Promise<string> {
  const server = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  // An endpoint that was held up for seconds has still to answer on the connection there is.
  server.keepAliveTimeout = 0;
  const { tookMs, answers } = await probed([`GET http://127.0.0.1:${(server.address() as AddressInfo).port}/health`], work).finally(() => server.close());
  return `${tookMs.toFixed(0)} ms; /health ${spread(answers[0] ?? [])}`;
}

/** One call a turn of the event loop as long as fewer than `AT_ONCE` are in flight, and no verdict kept: as short connections bring them. */
async function verifyAll(verifier: AttestationVerifier, attestations: readonly Attestation[]): Promise<void> {
  const waiting = attestations.values();
  const lane = async (): Promise<void> => {
    for (const attestation of waiting) {
      await nextTurn();
      await verifier.verify(attestation);
    }
  };
  const lanes: Promise<void>[] = [];
  for (let i = 0; i < AT_ONCE; i++) {
    lanes.push(lane());
    await nextTurn();
  }
  await Promise.all(lanes);
}

/** Prints both ways of verifying; the threads are what the KMS uses. */
export async function benchVerificationStorm(): Promise<void> {
  const attestations = await evidence();
  const inline = createAttestationVerifier(coldOptions());
  const threaded = createThreadedVerifier(coldOptions());
  threaded.start();
  try {
    process.stdout.write(`verification storm: ${EVIDENCE} calls, ${AT_ONCE} in flight, other evidence and collateral in each\n`);
    process.stdout.write(`  nothing to verify, to compare: ${await storm(() => delay(1_000))}\n`);
    process.stdout.write(`  ${DEFAULT_THREAD_LIMITS.threads} thread(s): ${await storm(() => verifyAll(threaded, attestations))}   (bound: p99 10 ms)\n`);
    process.stdout.write(`  on the spot: ${await storm(() => verifyAll(inline, attestations))}\n`);
  } finally {
    await threaded.close();
  }
}

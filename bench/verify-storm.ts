// `npm run bench -- --verify-storm`: evidence of many platforms at once, none seen before, and /health of the same process meanwhile.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { createThreadedVerifier, DEFAULT_THREAD_LIMITS } from '../src/app/verification/threaded-verifier.js';
import { type AttestationVerifier, type AttestationVerifierOptions, createAttestationVerifier } from '../src/attestation/evidence/attestation-verifier.js';
import type { Attestation } from '../src/attestation/evidence/attestation.js';
import { wireFor } from '../src/attestation/wire/decode.js';
import { vendorRoots } from '../src/attestation/roots/vendor-roots.js';
import { createDevelopmentCollateral } from '../src/simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../src/simulator/tdx-pki.js';
import { vmConfigOf } from '../src/simulator/tdx-platform.js';
import { machine } from './fleet.js';
import { probed, spread } from './probed.js';

const EVIDENCE = 3_000;
/** Calls in flight; a verifier lets 1024 wait. */
const AT_ONCE = 600;
const clock = (): number => Date.now() / 1000;
const pki = createDevelopmentTdxPki(new Uint8Array(32).fill(7));
const imageHash = new Uint8Array(32);

/** What a fleet has in common: one collateral, current for all of the storm. */
function options(): AttestationVerifierOptions {
  const collateral = createDevelopmentCollateral(pki, { now: clock() });
  return { roots: { ...vendorRoots(), tdx: pki.root }, clock, collateral: { getCollateral: async () => collateral } };
}

/** Another platform for every call, so that no verification finds its certificates or its attestation key known. */
function evidence(): Attestation[] {
  return Array.from({ length: EVIDENCE }, (_, at) => {
    const domain = machine(pki, at, imageHash);
    const { runtimeEvents } = domain;
    const reportData = new Uint8Array(64).fill(at & 0xff);
    return { wire: wireFor(runtimeEvents), platform: { kind: 'tdx', ...domain.quoted(reportData) }, stack: { kind: 'dstack', reportData, runtimeEvents, config: vmConfigOf({ vmConfig: null, imageHash }), reportDataPayload: null } };
  });
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
  const attestations = evidence();
  const inline = createAttestationVerifier(options());
  const threaded = createThreadedVerifier(options());
  threaded.start();
  try {
    process.stdout.write(`verification storm: ${EVIDENCE} calls, ${AT_ONCE} in flight, each of another platform, none seen before\n`);
    process.stdout.write(`  nothing to verify, to compare: ${await storm(() => delay(1_000))}\n`);
    process.stdout.write(`  ${DEFAULT_THREAD_LIMITS.threads} thread(s): ${await storm(() => verifyAll(threaded, attestations))}   (bound: p99 10 ms)\n`);
    process.stdout.write(`  on the spot: ${await storm(() => verifyAll(inline, attestations))}\n`);
  } finally {
    await threaded.close();
  }
}

import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { createAttestationVerifier } from '../../src/attestation/evidence/attestation-verifier.js';
import { vendorRoots } from '../../src/attestation/roots/vendor-roots.js';
import { cacheCollateral } from '../../src/outbound/collateral-cache.js';
import { createPccs } from '../../src/outbound/pccs.js';
import { DEVELOPMENT_MACHINE } from '../../src/simulator/tdx-machine.js';
import { pccsAnswer } from '../../src/simulator/pccs-answers.js';
import { clock, machineOf, NOW, testApp } from '../app/support/development-kms.js';
import { CollateralError } from '../../src/errors/collateral-error.js';
import type { CollateralGetter, CollateralRequest, QuoteCollateral } from '../../src/attestation/collateral.js';
import { type FakeServer, startFakeServer } from './support/http-fake.js';

const wanted: CollateralRequest = { tee: 'tdx', fmspc: DEVELOPMENT_MACHINE.fmspc, ca: 'platform' };
const machine = machineOf(testApp('app'));
const fakes: FakeServer[] = [];
afterEach(() => fakes.splice(0).forEach((fake) => fake.close()));

async function pccs(alter: (target: string, response: ServerResponse) => boolean = () => false): Promise<FakeServer> {
  const collateral = await machine.collateral.getCollateral(wanted);
  const fake = await startFakeServer();
  fakes.push(fake);
  fake.respond = ({ url = '' }, response) => {
    if (alter(url, response)) return;
    const { status, headers, body } = pccsAnswer(collateral, url);
    response.writeHead(status, headers).end(body);
  };
  return fake;
}

describe('collateral over HTTP', () => {
  it('verifies quotes, with or without the API path in the configured address', async () => {
    for (const suffix of ['', '/', '/sgx/certification/v4/', '/tdx/certification/v4']) {
      const fake = await pccs();
      const verifier = createAttestationVerifier({ roots: { ...vendorRoots(), tdx: machine.root }, collateral: createPccs({ urls: [fake.url + suffix] }), clock });
      expect(await verifier.verify(await machine.attest(new Uint8Array(64)))).toMatchObject({ tcbStatus: 'UpToDate' });
      expect(fake.asked).toHaveLength(4);
    }
  });

  it('comes from the next address when one does not deliver', async () => {
    const bad = await pccs((target, response) => target.includes('/tcb') && (response.writeHead(503).end(), true));
    const good = await pccs();
    const gone = await pccs();
    gone.close();
    await createPccs({ urls: [gone.url, bad.url, good.url] }).getCollateral(wanted);
    expect(good.asked).toHaveLength(4);
    await expect(createPccs({ urls: [gone.url, bad.url] }).getCollateral(wanted)).rejects.toMatchObject({ name: 'CollateralError', code: 'COLLATERAL_UNAVAILABLE' });
  });

  it.each([
    ['a body that is not JSON', (response: ServerResponse) => void response.end('<html>')],
    ['no issuer chain', (response: ServerResponse) => void response.end('{"tcbInfo":{},"signature":""}')],
    ['an endless body', (response: ServerResponse) => void response.writeHead(200).write(Buffer.alloc(9 * 1024 * 1024, 0x20))],
  ])('is an error of the service on %s', async (_name, answer) => {
    const fake = await pccs((target, response) => target.includes('/tcb') && (answer(response), true));
    await expect(createPccs({ urls: [fake.url] }).getCollateral(wanted)).rejects.toMatchObject({ name: 'CollateralError', code: 'COLLATERAL_ANSWER_INVALID' });
  });

  it('is given up on when the service does not answer in time', async () => {
    const fake = await pccs(() => true);
    await expect(createPccs({ urls: [fake.url], timeoutMs: 50 }).getCollateral(wanted)).rejects.toMatchObject({ code: 'COLLATERAL_UNAVAILABLE' });
  });
});

describe('the collateral cache', () => {
  const HOUR = 3600;

  /** A source that counts, delivers the development collateral, and can be broken. */
  function counted() {
    const state = { fetched: 0, broken: false, failures: [] as unknown[], now: NOW };
    const source: CollateralGetter = {
      async getCollateral(request): Promise<QuoteCollateral> {
        state.fetched++;
        if (state.broken) throw new CollateralError('COLLATERAL_UNAVAILABLE', 'away');
        // The development machine has one PCK CA; the cache must tell two apart all the same.
        return { ...(await machine.collateral.getCollateral({ ...request, ca: 'platform' })) };
      },
    };
    const cache = cacheCollateral(source, { clock: () => state.now, refreshSeconds: HOUR, onRefreshFailure: (error) => state.failures.push(error) });
    return { state, cache };
  }
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('asks once for what many want at the same time, and gives all of them the same object', async () => {
    const { state, cache } = counted();
    const [first, ...rest] = await Promise.all([cache.getCollateral(wanted), cache.getCollateral(wanted), cache.getCollateral(wanted)]);
    expect(rest.every((other) => other === first)).toBe(true);
    expect(await cache.getCollateral(wanted)).toBe(first);
    expect(state.fetched).toBe(1);
    await cache.getCollateral({ ...wanted, ca: 'processor' });
    expect(state.fetched).toBe(2);
  });

  it('refreshes in the background, and keeps what it has while the service is away', async () => {
    const { state, cache } = counted();
    const first = await cache.getCollateral(wanted);
    state.now += HOUR;
    state.broken = true;
    expect(await cache.getCollateral(wanted)).toBe(first);
    await settled();
    expect(await cache.getCollateral(wanted)).toBe(first);
    await settled();
    // The second call came within the minute that lies between two attempts.
    expect({ fetched: state.fetched, failures: state.failures.length }).toEqual({ fetched: 2, failures: 1 });
    state.now += 60;
    state.broken = false;
    expect(await cache.getCollateral(wanted)).toBe(first);
    await settled();
    expect(await cache.getCollateral(wanted)).not.toBe(first);
  });

  it('never gives out what has ended, and remembers no failure', async () => {
    const { state, cache } = counted();
    await cache.getCollateral(wanted);
    state.now += 400 * 86_400;
    state.broken = true;
    await expect(cache.getCollateral(wanted)).rejects.toMatchObject({ code: 'COLLATERAL_UNAVAILABLE' });
    await expect(cache.getCollateral(wanted)).rejects.toMatchObject({ code: 'COLLATERAL_UNAVAILABLE' });
    expect(state.fetched).toBe(3);
  });
});

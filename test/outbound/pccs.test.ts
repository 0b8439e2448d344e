import { getEventListeners } from 'node:events';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { QuoteCollateral } from '../../src/attestation/collateral.js';
import type { CollateralError } from '../../src/errors/collateral-error.js';
import { acceptanceOf } from '../../src/outbound/collateral-source.js';
import { createPccs, type PccsOptions } from '../../src/outbound/pccs.js';
import { pccsAnswer } from '../../src/simulator/pccs-answers.js';
import { fakeTiming } from './support/fake-timing.js';
import { type FakeServer, startFakeServer, trickle } from './support/http-fake.js';
import { DAY, forged, NOW, pki, signedCollateral, WANTED } from './support/signed-collateral.js';

const fakes: FakeServer[] = [];
afterEach(() => fakes.splice(0).forEach((fake) => fake.close()));

const accept = acceptanceOf({ root: pki.root, clock: () => NOW, maxAgeSeconds: null });
const good = signedCollateral();

async function service(collateral: QuoteCollateral = good, alter: (target: string, response: ServerResponse) => boolean = () => false): Promise<FakeServer> {
  const fake = await startFakeServer();
  fakes.push(fake);
  fake.respond = ({ url = '' }, response) => {
    if (alter(url, response)) return;
    const { status, headers, body } = pccsAnswer(collateral, url);
    response.writeHead(status, headers).end(body);
  };
  return fake;
}

/** A few KiB that would be more than any answer may be. */
const BOMB = gzipSync(Buffer.alloc(16 << 20));

/** Answers TCB info in this way, the rest as it should be. */
const tcbInfoBy = (answer: (response: ServerResponse) => unknown): Promise<FakeServer> => service(good, (target, response) => target.includes('/tcb') && (answer(response), true));
const silent = (): Promise<FakeServer> => service(good, () => true);

function pccs(services: readonly FakeServer[], more: Partial<PccsOptions> = {}) {
  const timing = fakeTiming();
  const outcomes: [number, string][] = [];
  const source = createPccs({
    urls: services.map(({ url }) => url),
    accept,
    timing,
    requestMs: 10_000,
    observe: (endpoint, error) => outcomes.push([endpoint, error?.code ?? 'ok']),
    ...more,
  });
  return { source, timing, outcomes, fetch: () => source.fetch(WANTED) };
}

const failure = (code: CollateralError['code']) => ({ name: 'CollateralError', code });

describe('collateral over HTTP', () => {
  it('is fetched with or without the API path in the configured address', async () => {
    for (const suffix of ['', '/', '/sgx/certification/v4/', '/tdx/certification/v4']) {
      const fake = await service();
      const { collateral } = await createPccs({ urls: [fake.url + suffix], accept }).fetch(WANTED);
      expect(collateral).toEqual(good);
      expect(fake.asked).toHaveLength(4);
    }
  });

  it('comes from the next address when one is gone or does not deliver', async () => {
    const [gone, bad, last] = [await service(), await tcbInfoBy((response) => response.writeHead(503).end()), await service()];
    gone.close();
    const { fetch, outcomes } = pccs([gone, bad, last]);
    expect((await fetch()).collateral).toEqual(good);
    expect(outcomes).toEqual([[0, 'COLLATERAL_UNAVAILABLE'], [1, 'COLLATERAL_UNAVAILABLE'], [2, 'ok']]);
    await expect(pccs([gone, bad]).fetch()).rejects.toMatchObject(failure('COLLATERAL_UNAVAILABLE'));
  });

  it.each<[string, CollateralError['code'], () => Promise<FakeServer>]>([
    ['500', 'COLLATERAL_UNAVAILABLE', () => tcbInfoBy((response) => response.writeHead(500).end())],
    ['404', 'COLLATERAL_UNAVAILABLE', () => tcbInfoBy((response) => response.writeHead(404).end())],
    ['a connection that breaks off', 'COLLATERAL_UNAVAILABLE', () => tcbInfoBy((response) => (response.writeHead(200, { 'content-length': '1000' }).write('{'), setTimeout(() => response.destroy(), 20)))],
    ['a body that is not JSON', 'COLLATERAL_ANSWER_INVALID', () => tcbInfoBy((response) => response.end('<html>'))],
    ['no issuer chain', 'COLLATERAL_ANSWER_INVALID', () => tcbInfoBy((response) => response.end('{"tcbInfo":{},"signature":""}'))],
    ['a page of HTML with status 200', 'COLLATERAL_ANSWER_INVALID', () => service(good, (_target, response) => (response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>'), true))],
    ['drop by drop', 'COLLATERAL_UNAVAILABLE', () => tcbInfoBy(trickle)],
    ['headers without end', 'COLLATERAL_UNAVAILABLE', () => tcbInfoBy((response) => (response.on('error', () => undefined), response.writeHead(200, { 'tcb-info-issuer-chain': 'A'.repeat(1 << 20) }).end('{}')))],
    ['something small that unpacks to something large', 'COLLATERAL_ANSWER_INVALID', () => tcbInfoBy((response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(BOMB))],
    ['an endless body', 'COLLATERAL_ANSWER_INVALID', () => tcbInfoBy((response) => response.writeHead(200).write(Buffer.alloc(9 * 1024 * 1024, 0x20)))],
    ['a truncated list', 'COLLATERAL_REJECTED', () => service({ ...good, pckCrl: good.pckCrl.subarray(0, 100) })],
    ['a forged signature', 'COLLATERAL_REJECTED', () => service(forged(good))],
    ['expired documents', 'COLLATERAL_REJECTED', () => service(signedCollateral(NOW - 31 * DAY))],
    ['another FMSPC', 'COLLATERAL_REJECTED', () => service(signedCollateral(NOW, { fmspc: '00906ED50000' }))],
  ])('is not had from a service that answers %s, but from the next', async (name, code, start) => {
    const bad = await start();
    const limits = { requestMs: name === 'drop by drop' ? 1_000 : 10_000 };
    await expect(pccs([bad], limits).fetch()).rejects.toMatchObject(failure(code));
    const two = pccs([bad, await service()], limits);
    expect((await two.fetch()).collateral).toEqual(good);
    expect(two.outcomes).toEqual([[0, code], [1, 'ok']]);
  });

  it('does not follow redirects, not even to a service that would deliver', async () => {
    const target = await service();
    const redirecting = await tcbInfoBy((response) => response.writeHead(302, { location: `${target.url}/tdx/certification/v4/tcb?fmspc=000000000000` }).end());
    await expect(pccs([redirecting]).fetch()).rejects.toMatchObject(failure('COLLATERAL_UNAVAILABLE'));
    expect(target.asked).toEqual([]);
  });

  it('says "rejected" rather than "unavailable" when both happened', async () => {
    const gone = await service();
    gone.close();
    await expect(pccs([await service(forged(good)), gone]).fetch()).rejects.toMatchObject({ ...failure('COLLATERAL_REJECTED'), cause: { code: 'TCB_INFO_SIGNATURE_INVALID' } });
  });

  it('says that the signer is revoked although another service lies about something else', async () => {
    const revoked = await service(signedCollateral(NOW, {}, 'tcb-signer'));
    await expect(pccs([revoked, await service(forged(good))]).fetch()).rejects.toMatchObject({ ...failure('COLLATERAL_REJECTED'), cause: { code: 'CERTIFICATE_REVOKED' } });
  });

  it('is tried once more after a pause when the trouble may pass, and only then', async () => {
    let left = 1;
    const recovering = await service(good, (target, response) => target.includes('/tcb') && left-- > 0 && (response.writeHead(503).end(), true));
    const { fetch, timing } = pccs([recovering]);
    expect((await fetch()).collateral).toEqual(good);
    expect(timing.slept).toHaveLength(1);
    const absent = pccs([await tcbInfoBy((response) => response.writeHead(404).end())]);
    await expect(absent.fetch()).rejects.toMatchObject(failure('COLLATERAL_UNAVAILABLE'));
    expect({ slept: absent.timing.slept, outcomes: absent.outcomes.length }).toEqual({ slept: [], outcomes: 1 });
  });

  it('leaves an address alone that did not answer, until some time has passed', async () => {
    const [slow, fast] = [await silent(), await service()];
    const { fetch, timing, outcomes } = pccs([slow, fast], { requestMs: 1_000 });
    for (let call = 0; call < 5; call++) await fetch();
    expect(outcomes.filter(([endpoint]) => endpoint === 0)).toHaveLength(2);
    timing.at += 5_001;
    await fetch();
    await fetch();
    // One call found out that it is still silent; it now rests longer.
    expect(outcomes.filter(([endpoint]) => endpoint === 0)).toHaveLength(3);
    timing.at += 5_001;
    await fetch();
    expect(outcomes.filter(([endpoint]) => endpoint === 0)).toHaveLength(3);
    timing.at += 5_001;
    slow.respond = fast.respond;
    await fetch();
    expect(outcomes.slice(-1)).toEqual([[0, 'ok']]);
  });

  it('fails at once while every address is left alone', async () => {
    const slow = await silent();
    const { fetch, outcomes } = pccs([slow], { requestMs: 50 });
    await expect(fetch()).rejects.toMatchObject(failure('COLLATERAL_UNAVAILABLE'));
    expect(outcomes).toHaveLength(2);
    await expect(fetch()).rejects.toMatchObject(failure('COLLATERAL_UNAVAILABLE'));
    expect(outcomes).toHaveLength(2);
  });

  it('is never switched off by answers, whatever was asked', async () => {
    const fake = await service();
    const { source, fetch } = pccs([fake]);
    for (let call = 0; call < 5; call++) await expect(source.fetch({ ...WANTED, fmspc: Uint8Array.of(1, 2, 3, 4, 5, call) })).rejects.toMatchObject(failure('COLLATERAL_UNAVAILABLE'));
    expect((await fetch()).collateral).toEqual(good);
  });

  it('ends what is in flight when it is told to', async () => {
    const ending = new AbortController();
    const { fetch, timing } = pccs([await silent()], { signal: ending.signal, requestMs: 60_000 });
    const pending = fetch();
    setTimeout(() => ending.abort(), 20);
    await expect(pending).rejects.toMatchObject(failure('COLLATERAL_UNAVAILABLE'));
    expect(timing.at).toBeLessThan(10_000);
  });
});

describe('a signal that lives as long as the process', () => {
  it('has nothing left on it by requests that ended, well or badly', async () => {
    const ending = new AbortController();
    const { fetch } = pccs([await tcbInfoBy((response) => response.writeHead(503).end()), await service()], { signal: ending.signal });
    await fetch();
    expect(getEventListeners(ending.signal, 'abort')).toEqual([]);
  });
});

describe('the configured age limit', () => {
  it('refuses older collateral and ends younger collateral early', async () => {
    const limited = (maxAgeSeconds: number) => acceptanceOf({ root: pki.root, clock: () => NOW, maxAgeSeconds })(good, WANTED);
    expect(limited(3 * DAY).validUntil).toBeLessThan(accept(good, WANTED).validUntil);
    expect(() => limited(3_600)).toThrow(expect.objectContaining(failure('COLLATERAL_REJECTED')));
  });
});

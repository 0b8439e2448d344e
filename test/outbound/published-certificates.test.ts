import { mkdtempSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { verifyAkChain } from '../../src/attestation/tpm/ak-chain.js';
import { createPublishedCertificates } from '../../src/outbound/published-certificates.js';
import { createPublishedStore, IMPORTED_FILE, PUBLISHED_FILE } from '../../src/outbound/published-store.js';
import { parseCertificate } from '../../src/x509/certificate.js';
import { certificatePem } from '../../src/x509/pem.js';
import { crl, testKey } from '../x509/mini-ca.js';
import { startFakeServer, trickle } from './support/http-fake.js';
import { type Answer, code, fakes, HOUR, NOW, site } from './support/publishing-site.js';

afterEach(() => fakes.splice(0).forEach((fake) => fake.close()));

/** A few KiB that would be more than any answer may be. */
const BOMB = gzipSync(Buffer.alloc(8 << 20));

describe('published certificates', () => {
  it('lead an attestation key to its root, each fetched once', async () => {
    const { fake, verify } = await site();
    await verify();
    expect(fake.asked.toSorted()).toEqual(['/ca.crl', '/ca.der', '/root.crl']);
    await Promise.all([verify(), verify()]);
    expect(fake.asked).toHaveLength(3);
  });

  it('are asked for once by many at the same time', async () => {
    const { fake, fetcher, at } = await site();
    await Promise.all(Array.from({ length: 24 }, () => fetcher.fetch(at('/ca.der'), 'certificate')));
    expect(fake.asked).toEqual(['/ca.der']);
  });

  it.each<[string, string, Answer]>([
    ['404', 'COLLATERAL_UNAVAILABLE', 404],
    ['500', 'COLLATERAL_UNAVAILABLE', 500],
    ['a redirect to what is wanted', 'COLLATERAL_UNAVAILABLE', 302],
    ['nothing in time', 'COLLATERAL_UNAVAILABLE', () => undefined],
    ['half an answer', 'COLLATERAL_UNAVAILABLE', (response: ServerResponse) => (response.writeHead(200, { 'content-length': '100' }).write('x'), setTimeout(() => response.destroy(), 10))],
    ['drop by drop', 'COLLATERAL_UNAVAILABLE', trickle],
    ['headers without end', 'COLLATERAL_UNAVAILABLE', (response: ServerResponse) => response.on('error', () => undefined).writeHead(200, { 'x-padding': 'A'.repeat(1 << 20) }).end()],
    ['something small that unpacks to something large', 'COLLATERAL_ANSWER_INVALID', (response: ServerResponse) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(BOMB)],
    ['no certificate', 'COLLATERAL_ANSWER_INVALID', Buffer.from('<html>')],
    ['more than 64 KiB', 'COLLATERAL_ANSWER_INVALID', Buffer.alloc(64 * 1024 + 1)],
  ])('are an error of the service when it answers with %s', async (name, expected, answer) => {
    const { fake, fetcher, answers, at, ca } = await site(NOW + 10 * HOUR, { requestMs: name === 'nothing in time' || name === 'drop by drop' ? 1_000 : 10_000 });
    answers.set('/ca.der', answer);
    expect(await code(fetcher.fetch(at('/ca.der'), 'certificate'))).toBe(expected);
    expect(fake.asked).toEqual(['/ca.der']);
    answers.set('/ca.der', ca.der);
    expect(await code(fetcher.fetch(at('/ca.der'), 'certificate'))).toBe('ok');
  });

  it('come from no host that was not configured', async () => {
    const { fetcher, verify } = await site();
    const other = await site();
    expect([fetcher.allows(other.at('/ca.der')), await code(fetcher.fetch(other.at('/ca.der'), 'certificate'))]).toEqual([false, 'COLLATERAL_UNAVAILABLE']);
    expect(other.fake.asked).toEqual([]);
    await verify();
  });

  it('keep verifying from what verified before while the host is away, until the list ends', async () => {
    const { fake, state, timing, verify } = await site();
    await verify();
    const respond = fake.respond;
    fake.respond = (_request, response) => void response.destroy();
    for (const hours of [2, 5, 9]) {
      state.now = NOW + hours * HOUR;
      timing.at += 120_000;
      expect(await code(verify())).toBe('ok');
    }
    expect(fake.asked.length).toBeGreaterThan(3);
    state.now = NOW + 10 * HOUR;
    expect(await code(verify())).toBe('COLLATERAL_UNAVAILABLE');
    fake.respond = respond;
    timing.at += 120_000;
    // The list is the same one, which has ended.
    expect(await code(verify())).toBe('COLLATERAL_REJECTED');
  });

  it('are renewed within the hour, so that revocations arrive', async () => {
    const { fake, state, answers, verify, list } = await site();
    await verify();
    answers.set('/ca.crl', list(NOW + 20 * HOUR, [3]));
    expect(await code(verify())).toBe('ok');
    state.now += HOUR;
    expect(await code(verify())).toBe('CERTIFICATE_REVOKED');
    // And stay, also when the host goes away.
    fake.respond = (_request, response) => void response.destroy();
    for (const seconds of [30, 61, HOUR, 3 * HOUR]) {
      state.now = NOW + HOUR + seconds;
      expect(await code(verify())).toBe('CERTIFICATE_REVOKED');
    }
  });

  it('are not taken back by an older list', async () => {
    const { state, answers, verify, listAt } = await site();
    answers.set('/ca.crl', listAt(NOW - 10, [3]));
    expect(await code(verify())).toBe('CERTIFICATE_REVOKED');
    answers.set('/ca.crl', listAt(NOW - 20, []));
    for (let hour = 1; hour < 5; hour++) {
      state.now = NOW + hour * HOUR;
      expect(await code(verify())).toBe('CERTIFICATE_REVOKED');
    }
  });

  it('are renewed in time although somebody with a forged certificate keeps naming them', async () => {
    const { state, answers, verify, forge, list } = await site();
    await verify();
    for (let minutes = 0; minutes < 60; minutes++) {
      state.now += 60;
      expect(await code(forge())).toBe('CERTIFICATE_SIGNATURE_INVALID');
    }
    answers.set('/ca.crl', list(NOW + 20 * HOUR, [3]));
    state.now += HOUR;
    expect(await code(forge())).toBe('CERTIFICATE_SIGNATURE_INVALID');
    expect(await code(verify())).toBe('CERTIFICATE_REVOKED');
  });

  it('are not replaced by what does not verify', async () => {
    const { state, answers, verify, list } = await site();
    await verify();
    state.now += HOUR;
    answers.set('/ca.crl', crl({ issuer: { subject: 'ca', key: testKey('somebody else') }, nextUpdate: NOW + 20 * HOUR }));
    expect(await code(verify())).toBe('CRL_SIGNATURE_INVALID');
    expect(await code(verify())).toBe('ok');
    answers.set('/ca.crl', list(NOW + 20 * HOUR));
    state.now += 60;
    expect(await code(verify())).toBe('ok');
    state.now = NOW + 15 * HOUR;
    expect(await code(verify())).toBe('ok');
  });

  it('are not kept for long when nothing is known of them', async () => {
    const { fake, fetcher, state, at } = await site();
    await fetcher.fetch(at('/ca.der'), 'certificate');
    await fetcher.fetch(at('/ca.der'), 'certificate');
    expect(fake.asked).toHaveLength(1);
    state.now += 60;
    await fetcher.fetch(at('/ca.der'), 'certificate');
    expect(fake.asked).toHaveLength(2);
  });

  it('survive a restart on disk, are used while the host is away, and renewed soon after', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'published-'));
    const before = await site(NOW + 10 * HOUR, { store: createPublishedStore(directory, PUBLISHED_FILE) });
    await before.verify();
    await before.fetcher.close();
    const { fake, state, timing, answers, list } = before;
    const options = { hosts: [new URL(fake.url).host], clock: () => state.now, timing, store: createPublishedStore(directory, PUBLISHED_FILE) };
    const certificates = createPublishedCertificates(options);
    await certificates.start();
    const respond = fake.respond;
    fake.respond = (_request, response) => void response.destroy();
    const verify = () => verifyAkChain(parseCertificate(before.ak.der), { now: state.now, root: before.root.der, certificates });
    expect(await code(verify())).toBe('ok');
    expect(await code(verify())).toBe('ok');
    fake.respond = respond;
    answers.set('/ca.crl', list(NOW + 20 * HOUR, [3]));
    state.now += 61;
    timing.at += 120_000;
    expect(await code(verify())).toBe('CERTIFICATE_REVOKED');
    await certificates.close();
    // The newer list is what the next start has.
    fake.respond = (_request, response) => void response.destroy();
    const third = createPublishedCertificates(options);
    await third.start();
    expect(await code(verifyAkChain(parseCertificate(before.ak.der), { now: state.now, root: before.root.der, certificates: third }))).toBe('CERTIFICATE_REVOKED');
    state.now = NOW + 21 * HOUR;
    expect(await code(verifyAkChain(parseCertificate(before.ak.der), { now: state.now, root: before.root.der, certificates: third }))).toBe('COLLATERAL_UNAVAILABLE');
  });

  it('are not trusted for being on disk, and a broken file is no more than a warning', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'published-'));
    const { fake, state, timing, verify, at, ca, root, ak, fetcher } = await site(NOW + 10 * HOUR, { store: createPublishedStore(directory, PUBLISHED_FILE) });
    await verify();
    await fetcher.close();
    fake.respond = (_request, response) => void response.destroy();
    const open = async (): Promise<{ warnings: number; outcome: string }> => {
      let warnings = 0;
      const certificates = createPublishedCertificates({ hosts: [new URL(fake.url).host], clock: () => state.now, timing, store: createPublishedStore(directory, PUBLISHED_FILE), warn: () => warnings++ });
      await certificates.start();
      return { warnings, outcome: await code(verifyAkChain(parseCertificate(ak.der), { now: state.now, root: root.der, certificates })) };
    };
    const stored = await createPublishedStore(directory, PUBLISHED_FILE).load();
    const forgedList = crl({ issuer: { subject: 'ca', key: testKey('somebody else') }, nextUpdate: NOW + 20 * HOUR });
    await createPublishedStore(directory, PUBLISHED_FILE).save(stored.map((each) => (each.url === at('/ca.crl') ? { ...each, body: forgedList } : each)));
    expect(await open()).toEqual({ warnings: 0, outcome: 'CRL_SIGNATURE_INVALID' });
    await createPublishedStore(directory, PUBLISHED_FILE).save(stored.map((each) => (each.url === at('/ca.crl') ? { ...each, body: ca.der } : each)));
    expect((await open()).warnings).toBe(1);
    writeFileSync(join(directory, 'published.json'), '[{"url":');
    expect(await open()).toEqual({ warnings: 1, outcome: 'COLLATERAL_UNAVAILABLE' });
  });

  it('are used while the host is away as long as they are valid, however long that is', async () => {
    const { fake, state, timing, verify } = await site(NOW + 365 * 24 * HOUR);
    await verify();
    fake.respond = (_request, response) => void response.destroy();
    state.now = NOW + 364 * 24 * HOUR;
    timing.at += 120_000;
    expect(await code(verify())).toBe('ok');
  });

  it('are renewed although the clock was ahead once', async () => {
    const { state, answers, verify, list } = await site();
    state.now = NOW + 9 * HOUR;
    await verify();
    answers.set('/ca.crl', list(NOW + 20 * HOUR, [3]));
    state.now = NOW;
    expect(await code(verify())).toBe('CERTIFICATE_REVOKED');
  });

  it('are taken from a file of imports, also one that comes or changes later, and never from an older one', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'published-'));
    const imports = createPublishedStore(directory, IMPORTED_FILE);
    const { fake, fetcher, state, timing, answers, verify, listAt, at } = await site(NOW + 10 * HOUR, { imports });
    await fetcher.start();
    fake.respond = (_request, response) => void response.destroy();
    expect(await code(verify())).toBe('COLLATERAL_UNAVAILABLE');
    const importing = async (list: Uint8Array): Promise<void> => {
      await imports.save([
        { url: at('/ca.der'), kind: 'certificate', body: answers.get('/ca.der') as Uint8Array },
        { url: at('/root.crl'), kind: 'crl', body: answers.get('/root.crl') as Uint8Array },
        { url: at('/ca.crl'), kind: 'crl', body: list },
      ]);
      state.now += 61;
      timing.at += 120_000;
    };
    await importing(listAt(NOW - 20, []));
    expect(await code(verify())).toBe('ok');
    await importing(listAt(NOW - 10, [3]));
    expect(await code(verify())).toBe('CERTIFICATE_REVOKED');
    await importing(listAt(NOW - 20, []));
    expect(await code(verify())).toBe('CERTIFICATE_REVOKED');
  });

  it('on disk that cannot be read do not stand in the way of those that can', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'published-'));
    const [store, imports] = [createPublishedStore(directory, PUBLISHED_FILE), createPublishedStore(directory, IMPORTED_FILE)];
    let warnings = 0;
    const { fake, fetcher, answers, verify, at } = await site(NOW + 10 * HOUR, { store, imports, warn: () => warnings++ });
    await store.save([{ url: at('/ca.crl'), kind: 'crl', body: Buffer.from('<html>') }, { url: at('/ca.der'), kind: 'certificate', body: answers.get('/ca.der') as Uint8Array }]);
    await imports.save((['/root.crl', '/ca.crl'] as const).map((path) => ({ url: at(path), kind: 'crl', body: answers.get(path) as Uint8Array })));
    await fetcher.start();
    expect(warnings).toBe(1);
    fake.respond = (_request, response) => void response.destroy();
    expect(await code(verify())).toBe('ok');
  });

  it('are counted by kind: asked for, not delivered, there already, old, and of hosts that are not configured', async () => {
    const { fake, fetcher, state, timing, answers, verify, counted, at } = await site();
    await verify();
    expect(counted()).toEqual({ 'fetches_total certificate': 1, 'fetches_total crl': 2 });
    await verify();
    expect(counted()).toEqual({ 'fetches_total certificate': 1, 'fetches_total crl': 2, 'cached_total certificate': 1, 'cached_total crl': 2 });
    state.now += HOUR;
    answers.set('/ca.crl', crl({ issuer: { subject: 'ca', key: testKey('somebody else') }, nextUpdate: NOW + 20 * HOUR }));
    expect(await code(verify())).toBe('CRL_SIGNATURE_INVALID');
    fake.respond = (_request, response) => void response.destroy();
    state.now += 61;
    expect(await code(verify())).toBe('ok');
    await fetcher.fetch(at('/vcek/v1/Milan/cert_chain'), 'amd-chain').catch(() => undefined);
    timing.at = 120_000;
    expect(fetcher.allows('http://elsewhere.invalid/ca.der')).toBe(false);
    expect(counted()).toEqual({
      'fetches_total certificate': 1,
      'fetches_total crl': 5,
      'fetches_total amd-chain': 1,
      'fetch_failures_total crl COLLATERAL_REJECTED': 1,
      'fetch_failures_total crl COLLATERAL_UNAVAILABLE': 1,
      'fetch_failures_total amd-chain COLLATERAL_UNAVAILABLE': 1,
      'cached_total certificate': 3,
      'cached_total crl': 3,
      'stale_total crl': 1,
      refused_total: 1,
    });
  });

  it('are served from memory when the directory cannot be used', async () => {
    const notADirectory = join(mkdtempSync(join(tmpdir(), 'published-')), 'file');
    writeFileSync(notADirectory, '');
    let warnings = 0;
    const [store, imports] = [createPublishedStore(notADirectory, PUBLISHED_FILE), createPublishedStore(notADirectory, IMPORTED_FILE)];
    const { fake, fetcher, state, timing, verify } = await site(NOW + 10 * HOUR, { store, imports, warn: () => warnings++ });
    await fetcher.start();
    expect(await code(verify())).toBe('ok');
    await fetcher.close();
    expect(warnings).toBeGreaterThan(2);
    fake.respond = (_request, response) => void response.destroy();
    state.now += 2 * HOUR;
    timing.at += 120_000;
    expect(await code(verify())).toBe('ok');
  });

  it('include the answers of a key service, whose address is the operator\'s', async () => {
    const { fetcher, answers, ca, root } = await site();
    const service = await startFakeServer();
    fakes.push(service);
    service.respond = ({ url = '' }, response) => void response.end(url.endsWith('cert_chain') ? certificatePem(ca.der) + certificatePem(root.der) : ca.der);
    answers.clear();
    expect(await code(fetcher.fetch(`${service.url}/vcek/v1/Milan/cert_chain`, 'amd-chain'))).toBe('ok');
    expect(await code(fetcher.fetch(`${service.url}/vcek/v1/Milan/00?blSPL=1`, 'amd-vcek'))).toBe('ok');
    expect(await code(fetcher.fetch(`${service.url}/vcek/v1/Milan/01`, 'amd-chain'))).toBe('COLLATERAL_ANSWER_INVALID');
  });
});

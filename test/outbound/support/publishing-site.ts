import type { ServerResponse } from 'node:http';
import { verifyAkChain } from '../../../src/attestation/tpm/ak-chain.js';
import { CollateralError } from '../../../src/errors/collateral-error.js';
import { createPublishedCertificates, type PublishedCertificatesOptions } from '../../../src/outbound/published-certificates.js';
import { PublishedMetrics } from '../../../src/outbound/published-metrics.js';
import { parseCertificate } from '../../../src/x509/certificate.js';
import { caIssuers, crlDistributionPoint } from '../../../src/x509/standard-extensions.js';
import { certificate, crl, extension, testKey } from '../../x509/mini-ca.js';
import { fakeTiming } from './fake-timing.js';
import { type FakeServer, startFakeServer } from './http-fake.js';

export const NOW = 1_800_000_000;
export const HOUR = 3_600;
/** Servers that were started; whoever uses them closes them. */
export const fakes: FakeServer[] = [];

export type Answer = Uint8Array | number | ((response: ServerResponse) => unknown);

/** A site that publishes an AK's issuers and lists, and everything to verify that AK with. */
export async function site(nextUpdate = NOW + 10 * HOUR, options: Partial<PublishedCertificatesOptions> = {}) {
  const fake = await startFakeServer();
  fakes.push(fake);
  const at = (path: string): string => `${fake.url}${path}`;
  const rootKey = testKey('root');
  const caKey = testKey('ca');
  const root = certificate({ subject: 'root', key: rootKey, extensions: [extension.ca(), crlDistributionPoint(at('/root.crl'))] });
  const ca = certificate({ subject: 'ca', key: caKey, issuer: { subject: 'root', key: rootKey }, serial: 2, extensions: [extension.ca(), caIssuers(at('/root.der')), crlDistributionPoint(at('/root.crl'))] });
  const ak = certificate({ subject: 'ak', key: testKey('ak'), issuer: { subject: 'ca', key: caKey }, serial: 3, extensions: [caIssuers(at('/ca.der')), crlDistributionPoint(at('/ca.crl'))] });
  const list = (until: number, revoked: number[] = []): Uint8Array => crl({ issuer: { subject: 'ca', key: caKey }, nextUpdate: until, revoked });
  const listAt = (thisUpdate: number, revoked: number[]): Uint8Array => crl({ issuer: { subject: 'ca', key: caKey }, thisUpdate, nextUpdate: NOW + 20 * HOUR, revoked });
  const forgery = certificate({ subject: 'ak', key: testKey('forger'), issuer: { subject: 'ca', key: testKey('forger') }, serial: 3, extensions: [caIssuers(at('/ca.der')), crlDistributionPoint(at('/ca.crl'))] });
  const answers = new Map<string, Answer>([
    ['/ca.der', ca.der],
    ['/root.crl', crl({ issuer: { subject: 'root', key: rootKey }, nextUpdate: NOW + 365 * 24 * HOUR })],
    ['/ca.crl', list(nextUpdate)],
  ]);
  fake.respond = ({ url = '' }, response) => {
    const answer = answers.get(url) ?? 404;
    if (typeof answer === 'function') answer(response);
    else if (typeof answer === 'number') response.writeHead(answer, { location: '/ca.der' }).end();
    else response.end(answer);
  };
  const state = { now: NOW };
  const timing = fakeTiming();
  const metrics = new PublishedMetrics();
  const fetcher = createPublishedCertificates({ hosts: [new URL(fake.url).host], clock: () => state.now, timing, metrics, ...options });
  /** Values other than 0, by name and labels. */
  const counted = (): Record<string, number> =>
    Object.fromEntries(metrics.metrics().flatMap(({ name, samples }) => samples.filter(({ value }) => value !== 0).map(({ labels = {}, value }) => [[name.replace(/^dstack_published_/, ''), ...Object.values(labels)].join(' '), value] as const)));
  const check = (der: Uint8Array) => verifyAkChain(parseCertificate(der), { now: state.now, root: root.der, certificates: fetcher });
  return { fake, fetcher, state, counted, timing, answers, verify: () => check(ak.der), forge: () => check(forgery.der), list, listAt, at, ca, root, ak };
}

export const code = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof CollateralError ? error.code : `${(error as { code?: string }).code}`),
  );

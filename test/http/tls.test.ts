import { createHash } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unattested } from '../../src/caller/caller.js';
import type { Listener } from '../../src/http/listen/listener.js';
import { listenTls } from '../../src/http/listen/tls.js';
import { certificate, extension, pem, testKey } from '../x509/mini-ca.js';
import { clientIdentity, serverIdentity, temporaryCa } from './certificates.js';
import { baseUrlOf, get, handlerOf, parseAnswers } from './fixture.js';

const seen: (Uint8Array | null)[] = [];
let listener: Listener;

beforeAll(async () => {
  listener = await listenTls(
    { host: '127.0.0.1', port: 0 },
    { ...serverIdentity, clientCa: [pem(temporaryCa)] },
    {
      handler: handlerOf(),
      limits: { handshakeTimeout: 200 },
      identify: ({ peer, certificate: der, tlsSocket }) => {
        expect(tlsSocket?.encrypted).toBe(true);
        seen.push(der);
        return unattested(peer);
      },
    },
  );
});
afterAll(() => listener.stop(0));

/** What a client gets to read; empty when it was dropped. */
function exchange(options: ConnectionOptions): Promise<string> {
  const { address } = listener;
  if (address.kind !== 'tcp') throw new Error(address.kind);
  return new Promise((resolve) => {
    let received = '';
    const socket = connect({ host: '127.0.0.1', port: address.port, rejectUnauthorized: false, ...options });
    socket.on('secureConnect', () => socket.write(get('/health', 'Connection: close')));
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received));
  });
}

describe('client certificates', () => {
  it('are optional', async () => {
    expect(parseAnswers(await exchange({}))).toMatchObject([{ status: 200, body: 'OK' }]);
    expect(seen.at(-1)).toBeNull();
  });

  it('without key usage, valid since 1975, under the temporary CA are accepted and handed on as they are', async () => {
    const { key, cert, der } = clientIdentity();
    expect(parseAnswers(await exchange({ key, cert }))).toMatchObject([{ status: 200 }]);
    expect(Buffer.from(seen.at(-1) ?? [])).toEqual(Buffer.from(der));
  });

  it('of 60 KiB of evidence are accepted', async () => {
    const { key, cert } = clientIdentity({ extensions: [{ oid: '1.3.6.1.4.1.62397.1.8', value: Buffer.alloc(60_000, 0x42) }] });
    expect(parseAnswers(await exchange({ key, cert }))).toMatchObject([{ status: 200 }]);
  });

  it.each([
    ['signed by itself', { issuer: { subject: 'client', key: testKey('client') } }],
    ['of another CA', { issuer: { subject: 'Temporary CA', key: testKey('another ca') } }],
    ['expired', { notAfter: 1_600_000_000 }],
    ['not yet valid', { notBefore: 4_000_000_000 }],
    ['for servers only', { extensions: [extension.eku('1.3.6.1.5.5.7.3.1')] }],
  ])('%s end the connection', async (_, options) => {
    const { key, cert } = clientIdentity(options);
    const before = seen.length;
    expect(await exchange({ key, cert })).toBe('');
    expect(seen).toHaveLength(before);
  });

  it('under an intermediate the client brings along are accepted', async () => {
    const middle = certificate({ subject: 'Middle', key: testKey('middle'), issuer: temporaryCa, extensions: [extension.ca(), extension.keyUsage(0x06)] });
    const { key, cert } = clientIdentity({ issuer: middle });
    expect(parseAnswers(await exchange({ key, cert: cert + pem(middle) }))).toMatchObject([{ status: 200 }]);
  });
});

describe('protocol', () => {
  it('is TLS 1.3 and nothing older', async () => {
    expect(await exchange({ maxVersion: 'TLSv1.2' })).toBe('');
  });

  it('does not resume sessions', async () => {
    const { key, cert } = clientIdentity({ extensions: [{ oid: '1.3.6.1.4.1.62397.1.8', value: Buffer.alloc(20_000, 0x42) }] });
    const { address } = listener;
    if (address.kind !== 'tcp') throw new Error(address.kind);
    const once = (session: Buffer | null): Promise<{ reused: boolean; session: Buffer | null }> =>
      new Promise((resolve, reject) => {
        let given: Buffer | null = null;
        const options = { host: '127.0.0.1', port: address.port, rejectUnauthorized: false, key, cert };
        const socket = connect(session === null ? options : { ...options, session });
        socket.on('session', (next) => (given = next));
        let reused = false;
        socket.on('secureConnect', () => {
          reused = socket.isSessionReused();
          socket.write(get('/health', 'Connection: close'));
        });
        socket.on('error', reject);
        socket.resume().on('close', () => resolve({ reused, session: given }));
      });
    const { session } = await once(null);
    // What is given out does not hold the certificate.
    expect(session?.length ?? 0).toBeLessThan(5_000);
    expect((await once(session)).reused).toBe(false);
  });

  it('names the acceptable CAs, so that clients know which certificate to send', async () => {
    const { key, cert } = clientIdentity();
    expect(parseAnswers(await exchange({ key, cert, ALPNProtocols: ['http/1.1'] }))).toMatchObject([{ status: 200 }]);
  });

  it('is HTTP/2 when the client wants it, with its certificate', async () => {
    const { key, cert, der } = clientIdentity();
    const client = connectHttp2(baseUrlOf(listener, 'https'), { key, cert, rejectUnauthorized: false });
    const status = await new Promise((resolve) => client.request({ ':path': '/health' }).on('response', (headers) => resolve(headers[':status'])));
    client.destroy();
    expect(status).toBe(200);
    expect(createHash('sha256').update(seen.at(-1) ?? '').digest('hex')).toBe(createHash('sha256').update(der).digest('hex'));
  });

  it('is HTTP/1.1 for node:https', async () => {
    const status = await new Promise((resolve, reject) => {
      const request = httpsRequest(`${baseUrlOf(listener, 'https')}/health`, { rejectUnauthorized: false, agent: false }, (response) => resolve(response.resume().statusCode));
      request.on('error', reject).end();
    });
    expect(status).toBe(200);
  });

  it('a client that does not get on with the handshake is dropped', async () => {
    const { address } = listener;
    if (address.kind !== 'tcp') throw new Error(address.kind);
    const started = performance.now();
    await new Promise((resolve) => connectPlain({ host: '127.0.0.1', port: address.port }).on('error', () => undefined).on('close', resolve));
    expect(performance.now() - started).toBeGreaterThan(100);
  });
});

it('stops with a request in flight, over TLS', async () => {
  const handler = handlerOf({}, () => new Promise((resolve) => setTimeout(() => resolve(Buffer.alloc(32)), 100)));
  const short = await listenTls({ host: '127.0.0.1', port: 0 }, { ...serverIdentity, clientCa: null }, { handler });
  const status = new Promise((resolve, reject) => {
    httpsRequest(`${baseUrlOf(short, 'https')}/prpc/GetKey?name=a`, { rejectUnauthorized: false }, (response) => resolve(response.resume().statusCode)).on('error', reject).end();
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await short.stop(5000);
  expect(await status).toBe(200);
});

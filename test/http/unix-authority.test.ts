import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:http2';
import type { IncomingHttpHeaders } from 'node:http2';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Listener } from '../../src/http/listen/listener.js';
import { listenUnix } from '../../src/http/listen/unix.js';
import { createRequestHandler } from '../../src/http/request-handler.js';
import { GET_KEY_PATH, fixture } from './fixture.js';

const directory = mkdtempSync(join(tmpdir(), 'authority-'));
let listener: Listener | null = null;
afterEach(async () => {
  await listener?.stop(0);
  rmSync(directory, { recursive: true, force: true });
});

function grpcStatus(path: string, authority: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const session = connect('http://localhost', { createConnection: () => createConnection(path) });
    session.on('error', reject);
    const stream = session.request({ ':method': 'POST', ':path': GET_KEY_PATH, ':authority': authority, 'content-type': 'application/grpc', te: 'trailers' });
    let status: unknown = null;
    stream.on('response', (headers: IncomingHttpHeaders) => (status = headers['grpc-status'] ?? headers[':status']));
    stream.on('trailers', (trailers: IncomingHttpHeaders) => (status = trailers['grpc-status']));
    stream.on('error', () => undefined);
    stream.on('close', () => {
      session.close();
      resolve(status);
    });
    stream.resume();
    stream.end(Buffer.alloc(5));
  });
}

it('a gRPC client may name a unix socket by its percent-encoded path', async () => {
  const path = join(directory, 'a.sock');
  listener = await listenUnix({ path, mode: 0o600 }, { handler: createRequestHandler(fixture().options), peerCredentials: null });
  expect(await grpcStatus(path, encodeURIComponent(path.slice(1)))).toBe('0');
  expect(await grpcStatus(path, '%zz')).toBe(400);
});

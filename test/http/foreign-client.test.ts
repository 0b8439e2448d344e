import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Listener } from '../../src/http/listen/listener.js';
import { listenTcp } from '../../src/http/listen/tcp.js';
import { KEY, baseUrlOf, handlerOf } from './fixture.js';

const BUF = fileURLToPath(new URL('../../node_modules/.bin/buf', import.meta.url));
const run = promisify(execFile);

let listener: Listener;
beforeAll(async () => {
  listener = await listenTcp({ host: '127.0.0.1', port: 0 }, { handler: handlerOf() });
});
afterAll(() => listener.stop(0));

/** A client written in Go that knows nothing of our schema but what reflection tells it. */
async function bufCurl(path: string, ...flags: readonly string[]): Promise<string> {
  // Away from our own schema, which it would use otherwise.
  const options = { cwd: tmpdir(), env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir() } };
  const { stdout } = await run(BUF, ['curl', '--http2-prior-knowledge', ...flags, `${baseUrlOf(listener)}${path}`], options);
  return stdout;
}

it.each(['grpc', 'grpcweb', 'connect'])('calls over %s without a schema', async (protocol) => {
  const answer = await bufCurl('/dstack.kms.v1.KMS/GetKey', '--protocol', protocol, '-d', '{"name":"a"}');
  expect(JSON.parse(answer)).toEqual({ key: KEY.toString('base64') });
});

it.each(['grpc-v1', 'grpc-v1alpha'])('finds every method by %s reflection', async (protocol) => {
  const methods = (await bufCurl('', '--reflect-protocol', protocol, '--list-methods')).trim().split('\n');
  expect(methods).toEqual(expect.arrayContaining(['dstack.kms.v1.KMS/GetKey', 'dstack.guestagent.v1.GuestAgent/GetKey', 'grpc.health.v1.Health/Check']));
});

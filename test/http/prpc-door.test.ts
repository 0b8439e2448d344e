import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GetKeyRequestSchema, GetKeyResponseSchema } from '../../gen/dstack/kms/v1/kms_pb.js';
import { listenUnix } from '../../src/http/listen/unix.js';
import type { Listener } from '../../src/http/listen/listener.js';
import { createRequestHandler } from '../../src/http/request-handler.js';
import { KEY, NEEDS_EVIDENCE, RawClient, fixture, get, post, raw, socketPath } from './fixture.js';

const { options, audit } = fixture({ headers: { 'X-App-Version': 'v1' } });
let listener: Listener;

beforeAll(async () => {
  listener = await listenUnix({ path: socketPath() }, { handler: createRequestHandler(options), peerCredentials: null });
});
afterAll(() => listener.stop(0));

const JSON_TYPE = 'Content-Type: application/json';

describe('success', () => {
  it.each([
    ['?json', post('/prpc/KMS.GetKey?json', '{"name":"a"}')],
    ['content type', post('/prpc/GetKey', '{"name":"a"}', 'content-type: Application/JSON; charset=utf-8')],
    ['content type sent twice', post('/prpc/GetKey', '{"name":"a"}', JSON_TYPE, JSON_TYPE)],
    ['repeated prefix and alias', post('/prpc/KMS.KMS.getKey?json', '{}')],
    ['GET', [get('/prpc/GetKey?name=a')]],
    ['percent-encoded name', [get('/prpc/%47etKey?name=a')]],
    ['absolute form', [get('http://unix.socket/prpc/GetKey?name=a')]],
    ['fragment', [get('/prpc/GetKey?name=a#missing')]],
    ['no Host', ['POST /prpc/GetKey?json HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}']],
    ['odd Host', ['POST /prpc/GetKey?json HTTP/1.1\r\nHost: [\r\nContent-Length: 2\r\n\r\n{}']],
    ['HTTP/1.0', ['POST /prpc/GetKey?json HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}']],
    ['chunked request', [`POST /prpc/GetKey?json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"nam\r\n7\r\ne":"a"}\r\n0\r\n\r\n`]],
    ['handler that answers later', post('/prpc/GetKey?json', '{"name":"later"}')],
  ])('%s', async (_, parts) => {
    const answer = await raw(listener, ...parts);
    expect(answer).toMatchObject({ status: 200, body: `{"key":"${KEY.toString('hex')}"}` });
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(answer.body.length),
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'permissions-policy': 'interest-cohort=()',
      'x-app-version': 'v1',
    });
  });

  it('protobuf in, protobuf out', async () => {
    const body = toBinary(GetKeyRequestSchema, create(GetKeyRequestSchema, { name: 'a' }));
    const answer = await raw(listener, ...post('/prpc/GetKey', body));
    expect(answer.headers['content-type']).toBe('application/octet-stream');
    expect(Buffer.from(fromBinary(GetKeyResponseSchema, Buffer.from(answer.body, 'latin1')).key)).toEqual(KEY);
  });

  it('the key itself for Accept: application/octet-stream, and only for that', async () => {
    const asked = await raw(listener, ...post('/prpc/GetKey?json', '{"name":"a"}', 'Accept: text/plain, Application/Octet-Stream;q=0.9'));
    expect(asked).toMatchObject({ status: 200, body: KEY.toString('latin1') });
    expect(asked.headers['content-type']).toBe('application/octet-stream');
    const anything = await raw(listener, ...post('/prpc/GetKey?json', '{"name":"a"}', 'Accept: */*'));
    expect(anything.headers['content-type']).toBe('application/json');
    const withoutRaw = await raw(listener, ...post('/prpc/GetTempCaCert?json', '', 'Accept: application/octet-stream'));
    expect(withoutRaw.headers['content-type']).toBe('application/json');
  });

  it('answers are ASCII', async () => {
    expect((await raw(listener, ...post('/prpc/GetTempCaCert?json', ''))).body).toContain('ca \\u00e9');
  });

  it('an Empty answer is null, or nothing', async () => {
    expect(await raw(listener, ...post('/EmitEvent?json', '{"event":"a"}'))).toMatchObject({ status: 200, body: 'null' });
    expect(await raw(listener, ...post('/EmitEvent', ''))).toMatchObject({ status: 200, body: '' });
  });

  it('HEAD is GET without the body', async () => {
    const client = new RawClient(listener).send('HEAD /prpc/GetKey?name=a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const received = await client.untilClosed();
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(received).toMatch(/Content-Length: 74\r\n/);
    expect(received.endsWith('\r\n\r\n')).toBe(true);
  });
});

describe('failure', () => {
  it('carries the code, in JSON and in protobuf', async () => {
    const json = await raw(listener, ...post('/prpc/GetKey?json', '{"name":"missing"}'));
    expect(json).toMatchObject({ status: 400, body: '{\n  "error": "no such key",\n  "code": "KEY_NOT_FOUND"\n}' });
    const binary = await raw(listener, ...post('/prpc/GetKey', Buffer.from('0a076d697373696e67', 'hex')));
    expect(binary).toMatchObject({ status: 400, body: '\x0a\x0bno such key\x12\x0dKEY_NOT_FOUND' });
  });

  it('unknown errors stay inside, but for the audit record', async () => {
    const answer = await raw(listener, ...post('/prpc/GetKey?json', '{"name":"broken"}'));
    expect(JSON.parse(answer.body)).toEqual({ error: 'internal error', code: 'INTERNAL_ERROR' });
    expect(audit.at(-1)).toMatchObject({ procedure: 'dstack.kms.v1.KMS/GetKey', door: 'prpc', code: 'INTERNAL_ERROR' });
    expect(audit.at(-1)?.error?.message).toContain('on fire');
  });

  it('unknown methods', async () => {
    const answer = await raw(listener, ...post('/prpc/KMS.Nope?json', ''));
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toEqual({ error: 'Service not found: Nope', code: 'NOT_FOUND' });
    expect((await raw(listener, ...post('/Nope', ''))).body).toBe('\x0a\x17Service not found: Nope');
    expect((await raw(listener, ...post('/getkey?json', ''))).status).toBe(400);
    expect(audit.at(-1)).toMatchObject({ procedure: 'prpc/unknown', code: 'NOT_FOUND' });
  });

  it('a body that does not decode', async () => {
    const answer = await raw(listener, ...post('/prpc/GetKey?json', '{"name":7}'));
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('attested methods refuse everybody else, in the encoding the caller speaks', async () => {
    const answer = await raw(listener, ...post('/prpc/GetAppKey', '{}', JSON_TYPE));
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toEqual({ error: NEEDS_EVIDENCE, code: 'UNAUTHORIZED' });
  });

  it('a method without a rule is refused', async () => {
    expect(JSON.parse((await raw(listener, ...post('/prpc/GetKmsKey?json', '{}'))).body)).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it.each(['PUT', 'DELETE', 'OPTIONS', 'PATCH'])('%s is not served', async (verb) => {
    expect((await raw(listener, `${verb} /prpc/GetKey HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`)).status).toBe(404);
  });

  it.each(['/prpc/GetKey/', '//GetKey', '/prpc//GetKey', '/prpc/', '/', '/a/b/c', '/prpc', '*', 'http://host'])('%s is no route', async (path) => {
    const expected = path === '/prpc' ? 400 : 404;
    expect((await raw(listener, ...post(path, ''))).status).toBe(expected);
  });

  it('404 is JSON for those who prefer it', async () => {
    const json = await raw(listener, get('/a/b', 'Accept: text/html;q=0.8, application/json'));
    expect(json.headers['content-type']).toBe('application/json');
    expect(JSON.parse(json.body)).toMatchObject({ error: { code: 404 } });
    expect((await raw(listener, get('/a/b', 'Accept: */*'))).headers['content-type']).toBe('text/html; charset=utf-8');
  });
});

describe('plain', () => {
  it('health', async () => {
    const answer = await raw(listener, get('/health?x=1'));
    expect(answer).toMatchObject({ status: 200, body: 'OK' });
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect((await raw(listener, ...post('/health?json', ''))).status).toBe(400);
  });
});

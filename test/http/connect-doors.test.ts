import { createClient, Code, ConnectError } from '@connectrpc/connect';
import type { Transport } from '@connectrpc/connect';
import { compressionGzip, createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { request as httpRequest } from 'node:http';
import { connect as connectNet } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ErrorDetailSchema } from '../../gen/dstack/errors/v1/errors_pb.js';
import { KMS } from '../../gen/dstack/kms/v1/kms_pb.js';
import { Health, HealthCheckResponse_ServingStatus } from '../../gen/grpc/health/v1/health_pb.js';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ServerReflectionAlpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.js';
import { listenTcp } from '../../src/http/listen/tcp.js';
import { listenTls } from '../../src/http/listen/tls.js';
import { listenUnix } from '../../src/http/listen/unix.js';
import type { Listener } from '../../src/http/listen/listener.js';
import { createRequestHandler } from '../../src/http/request-handler.js';
import { GET_KEY_PATH, KEY, NEEDS_EVIDENCE, baseUrlOf, fixture, post, raw, socketPath } from './fixture.js';
import { serverIdentity } from './certificates.js';

let serving = true;
const { options, audit } = fixture({ serving: () => serving });
const listeners: Record<string, Listener> = {};

beforeAll(async () => {
  const handler = createRequestHandler(options);
  listeners['tcp'] = await listenTcp({ host: '127.0.0.1', port: 0 }, { handler });
  listeners['unix'] = await listenUnix({ path: socketPath() }, { handler, peerCredentials: null });
  listeners['tls'] = await listenTls({ host: '127.0.0.1', port: 0 }, { ...serverIdentity, clientCa: null }, { handler });
});
afterAll(() => Promise.all(Object.values(listeners).map((listener) => listener.stop(0))));

function listenerOf(name: string): Listener {
  const listener = listeners[name];
  if (listener === undefined) throw new Error(name);
  return listener;
}

/** Transport options to a listener, whatever it is. */
function towards(place: string, httpVersion: '1.1' | '2') {
  const listener = listenerOf(place);
  const { address } = listener;
  const baseUrl = baseUrlOf(listener, place === 'tls' ? 'https' : 'http');
  const nodeOptions =
    address.kind === 'unix'
      ? httpVersion === '2'
        ? { createConnection: () => connectNet(address.path) }
        : { socketPath: address.path }
      : place === 'tls' && httpVersion === '2'
        ? { createConnection: () => connectTls({ host: '127.0.0.1', port: address.port, rejectUnauthorized: false, ALPNProtocols: ['h2'] }) }
        : { rejectUnauthorized: false };
  return { baseUrl, nodeOptions };
}

const protocols: readonly (readonly [string, (place: string) => Transport])[] = [
  ['connect JSON on HTTP/1.1', (place) => createConnectTransport({ ...towards(place, '1.1'), httpVersion: '1.1', useBinaryFormat: false })],
  ['connect protobuf on HTTP/1.1', (place) => createConnectTransport({ ...towards(place, '1.1'), httpVersion: '1.1', useBinaryFormat: true })],
  ['connect JSON on HTTP/2', (place) => createConnectTransport({ ...towards(place, '2'), httpVersion: '2', useBinaryFormat: false })],
  ['connect, compressed', (place) =>
    createConnectTransport({ ...towards(place, '1.1'), httpVersion: '1.1', sendCompression: compressionGzip, compressMinBytes: 0 })],
  ['connect with a deadline', (place) => createConnectTransport({ ...towards(place, '1.1'), httpVersion: '1.1', defaultTimeoutMs: 5000 })],
  ['gRPC', (place) => createGrpcTransport(towards(place, '2'))],
  ['gRPC-Web on HTTP/1.1', (place) => createGrpcWebTransport({ ...towards(place, '1.1'), httpVersion: '1.1' })],
  ['gRPC-Web on HTTP/2', (place) => createGrpcWebTransport({ ...towards(place, '2'), httpVersion: '2' })],
];

const combinations = ['tcp', 'unix', 'tls'].flatMap((place) => protocols.map(([name, transport]) => [name, place, transport] as const));

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(() => null, (reason: unknown) => reason);
  if (error instanceof ConnectError) return error;
  throw new Error('did not fail with a ConnectError', { cause: error });
}

function detailCode(error: ConnectError): string | undefined {
  return error.findDetails(ErrorDetailSchema)[0]?.code;
}

describe.each(combinations)('%s over %s', (_, place, transport) => {
  it('calls the handler', async () => {
    const { key } = await createClient(KMS, transport(place)).getKey({ name: 'later' });
    expect(Buffer.from(key)).toEqual(KEY);
  });

  it('gives errors with our code in a detail', async () => {
    const client = createClient(KMS, transport(place));
    const missing = await failure(client.getKey({ name: 'missing' }));
    expect([missing.code, missing.rawMessage, detailCode(missing)]).toEqual([Code.NotFound, 'no such key', 'KEY_NOT_FOUND']);
    const broken = await failure(client.getKey({ name: 'broken' }));
    expect([broken.code, broken.rawMessage, detailCode(broken)]).toEqual([Code.Internal, 'internal error', 'INTERNAL_ERROR']);
    const refused = await failure(client.getAppKey({}));
    expect([refused.code, refused.rawMessage, detailCode(refused)]).toEqual([Code.Unauthenticated, NEEDS_EVIDENCE, 'UNAUTHORIZED']);
    expect((await failure(client.getKmsKey({}))).code).toBe(Code.Unauthenticated);
  });
});

describe('one pipeline', () => {
  it.each([
    ['connect', 0],
    ['grpc', 5],
    ['grpc-web', 6],
  ])('%s calls are recorded as such', async (door, index) => {
    const transport = protocols[index]?.[1]('unix');
    if (transport === undefined) throw new Error('no transport');
    await createClient(KMS, transport).getKey({ name: 'a' });
    expect(audit.at(-1)).toMatchObject({ procedure: 'dstack.kms.v1.KMS/GetKey', door, code: 'OK', appId: null, error: null });
    expect(audit.at(-1)?.peer).toMatch(/^unix:.*agent\.sock/);
  });

  it('records requests that never became a call', async () => {
    const before = audit.length;
    await raw(listenerOf('unix'), ...post(GET_KEY_PATH, 'x', 'Content-Type: text/plain'));
    await expect.poll(() => audit.slice(before).map(({ code }) => code)).toEqual(['INVALID_ARGUMENT']);
  });

  it('honours the deadline of the client', async () => {
    const slow = fixture({}, () => new Promise<Buffer>(() => undefined));
    const listener = await listenUnix({ path: socketPath() }, { handler: createRequestHandler(slow.options), peerCredentials: null });
    listeners['slow'] = listener;
    const transport = createGrpcTransport(towards('slow', '2'));
    const error = await failure(createClient(KMS, transport).getKey({ name: 'a' }, { timeoutMs: 100 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    await expect.poll(() => slow.audit.map(({ code }) => code)).toEqual(['DEADLINE_EXCEEDED']);
  });

  it('JSON on the wire is canonical proto3 JSON', async () => {
    const answer = await raw(listenerOf('tcp'), ...post(GET_KEY_PATH, '{"name":"a","unheardOf":1}', 'Content-Type: application/json'));
    expect(answer).toMatchObject({ status: 200, body: JSON.stringify({ key: KEY.toString('base64') }) });
    const bad = await raw(listenerOf('tcp'), ...post(GET_KEY_PATH, '{"name":7}', 'Content-Type: application/json'));
    expect(bad.status).toBe(400);
    expect(JSON.parse(bad.body)).toMatchObject({ code: 'invalid_argument', details: [{ type: 'dstack.errors.v1.ErrorDetail', debug: { code: 'INVALID_ARGUMENT' } }] });
    const notUtf8 = await raw(listenerOf('tcp'), ...post(GET_KEY_PATH, Buffer.from([0x22, 0xff, 0x22]), 'Content-Type: application/json'));
    expect(JSON.parse(notUtf8.body)).toMatchObject({ code: 'invalid_argument' });
    const truncated = await raw(listenerOf('tcp'), ...post(GET_KEY_PATH, Buffer.from([0x0a, 0x05, 0x61]), 'Content-Type: application/proto'));
    expect(JSON.parse(truncated.body)).toMatchObject({ code: 'invalid_argument' });
  });

  it('every answer has the common headers, by whomever it is written', async () => {
    const charset = await raw(listenerOf('unix'), ...post(GET_KEY_PATH, '{}', 'Content-Type: application/json', 'Connect-Timeout-Ms: 1000'));
    expect(charset.status).toBe(200);
    expect(charset.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'content-length': String(charset.body.length) });
  });

  it('can be left out', async () => {
    const without = await listenUnix({ path: socketPath() }, { handler: createRequestHandler({ ...options, connect: false }), peerCredentials: null });
    expect((await raw(without, ...post(GET_KEY_PATH, '{}', 'Content-Type: application/json'))).status).toBe(404);
    await without.stop(0);
  });
});

describe('gRPC health', () => {
  const client = () => createClient(Health, createGrpcTransport(towards('unix', '2')));

  it('answers for the process and for each service', async () => {
    expect((await client().check({})).status).toBe(HealthCheckResponse_ServingStatus.SERVING);
    expect((await client().check({ service: KMS.typeName })).status).toBe(HealthCheckResponse_ServingStatus.SERVING);
    expect(Object.keys((await client().list({})).statuses)).toContain(KMS.typeName);
    serving = false;
    expect((await client().check({})).status).toBe(HealthCheckResponse_ServingStatus.NOT_SERVING);
    serving = true;
  });

  it('knows no other services', async () => {
    expect((await failure(client().check({ service: 'x.Y' }))).code).toBe(Code.NotFound);
  });

  it('does not offer Watch', async () => {
    const watch = async (): Promise<void> => {
      for await (const answer of client().watch({})) throw new Error(JSON.stringify(answer.status));
    };
    expect((await failure(watch())).code).toBe(Code.Unimplemented);
  });
});

describe.each([
  ['v1', ServerReflection],
  ['v1alpha', ServerReflectionAlpha],
] as const)('gRPC reflection %s', (_, service) => {
  type Ask = { case: 'listServices' | 'fileContainingSymbol' | 'fileByFilename' | 'allExtensionNumbersOfType'; value: string };

  async function ask(...asked: readonly Ask[]) {
    const client = createClient(service as typeof ServerReflection, createGrpcTransport(towards('unix', '2')));
    const answers = [];
    const requests = async function* () {
      for (const messageRequest of asked) yield { host: 'h', messageRequest };
    };
    for await (const answer of client.serverReflectionInfo(requests())) answers.push(answer.messageResponse);
    return answers;
  }

  it('lists services', async () => {
    const [answer] = await ask({ case: 'listServices', value: '' });
    if (answer?.case !== 'listServicesResponse') throw new Error(answer?.case);
    const names = answer.value.service.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['dstack.kms.v1.KMS', 'dstack.guestagent.v1.GuestAgent', 'grpc.health.v1.Health', 'grpc.reflection.v1.ServerReflection']));
  });

  it('gives files from which a client can be made', async () => {
    const [answer] = await ask({ case: 'fileContainingSymbol', value: 'dstack.kms.v1.KMS.GetKey' });
    if (answer?.case !== 'fileDescriptorResponse') throw new Error(answer?.case);
    const files = answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    const byName = new Map(files.map((file) => [file.name, file]));
    const [root] = files;
    if (root === undefined) throw new Error('no file');
    const registry = createFileRegistry(root, (name): FileDescriptorProto | undefined => byName.get(name));
    expect(registry.getService('dstack.kms.v1.KMS')?.methods.map(({ name }) => name)).toContain('GetKey');
  });

  it('answers by file, by extension and with errors, on one stream', async () => {
    const answers = await ask(
      { case: 'fileByFilename', value: 'dstack/kms/v1/kms.proto' },
      { case: 'fileByFilename', value: 'nope.proto' },
      { case: 'fileContainingSymbol', value: 'nope.Nope' },
      { case: 'allExtensionNumbersOfType', value: 'google.protobuf.FieldOptions' },
      { case: 'allExtensionNumbersOfType', value: 'nope.Nope' },
    );
    expect(answers.map((answer) => answer.case)).toEqual([
      'fileDescriptorResponse',
      'errorResponse',
      'errorResponse',
      'allExtensionNumbersResponse',
      'errorResponse',
    ]);
  });
});

describe('Host', () => {
  it.each([
    ['[', 'Host: [\r\n', '1.1'],
    ['empty', 'Host: \r\n', '1.1'],
    ['absent', '', '1.1'],
    ['absent in HTTP/1.0', '', '1.0'],
    ['with a path', 'Host: a/b\r\n', '1.1'],
    ['with a bad escape', 'Host: a%zz\r\n', '1.1'],
  ])('%s is answered 400 and the process goes on', async (_, host, version) => {
    for (const type of ['application/json', 'application/grpc', 'application/grpc-web+proto']) {
      const head = `POST ${GET_KEY_PATH} HTTP/${version}\r\n${host}Content-Type: ${type}\r\nContent-Length: 2\r\n\r\n{}`;
      expect((await raw(listenerOf('tcp'), head)).status).toBe(400);
    }
    expect((await raw(listenerOf('tcp'), ...post(GET_KEY_PATH, '{}', 'Content-Type: application/json'))).status).toBe(200);
  });
});

it('speaks HTTP/1.1 to node:http over TLS', async () => {
  const { address } = listenerOf('tls');
  if (address.kind !== 'tcp') throw new Error(address.kind);
  const status = await new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        createConnection: () => connectTls({ host: '127.0.0.1', port: address.port, rejectUnauthorized: false }),
        path: '/health',
        headers: { connection: 'close' },
      },
      (response) => resolve(response.resume().statusCode),
    );
    request.on('error', reject).end();
  });
  expect(status).toBe(200);
});

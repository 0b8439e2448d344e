import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import type { NetConnectOpts, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GuestAgent } from '../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { KMS } from '../../gen/dstack/kms/v1/kms_pb.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { ANONYMOUS } from '../../src/http/access.js';
import type { Access } from '../../src/http/access.js';
import type { AuditRecord, HandlerOptions } from '../../src/http/handler-options.js';
import { healthRoute } from '../../src/http/health-route.js';
import type { Listener } from '../../src/http/listen/listener.js';
import { bindMethod, procedureName } from '../../src/http/method.js';
import type { CallContext, MethodBinding } from '../../src/http/method.js';
import { createRequestHandler } from '../../src/http/request-handler.js';

export const KEY = Buffer.alloc(32, 7);
export const GET_KEY_PATH = `/${procedureName(KMS.method.getKey)}`;
export const NEEDS_EVIDENCE = 'App not allowed: No attestation provided';

/** Names with a meaning: the handler behaves as the name says. */
export type Behaviour = (name: string, call: CallContext) => Buffer | Promise<Buffer>;

const behave: Behaviour = (name) => {
  if (name === 'missing') throw new ServiceError('KEY_NOT_FOUND', 'no such key');
  if (name === 'broken') throw new Error('disk /secret/path is on fire');
  return name === 'later' ? Promise.resolve(KEY) : KEY;
};

export function kmsBindings(behaviour: Behaviour = behave): readonly MethodBinding[] {
  return [
    bindMethod(
      KMS.method.getKey,
      ({ name }, call) => {
        const key = behaviour(name, call);
        return key instanceof Promise ? key.then((later) => ({ key: later })) : { key };
      },
      { prpcAliases: ['getKey'], rawBody: ({ key }) => key },
    ),
    bindMethod(KMS.method.getTempCaCert, () => ({ caCert: 'ca \u00e9', tempCaCert: '', tempCaKey: '' })),
    bindMethod(KMS.method.getAppKey, () => ({ caCert: 'ca' })),
    bindMethod(KMS.method.getKmsKey, () => ({})),
    bindMethod(GuestAgent.method.getKey, ({ path }) => ({ key: Buffer.from(path), signatureChain: [] })),
    bindMethod(GuestAgent.method.emitEvent, () => ({})),
  ];
}

const RULES: readonly (readonly [string, Access])[] = [
  [procedureName(KMS.method.getKey), ANONYMOUS],
  [procedureName(KMS.method.getTempCaCert), ANONYMOUS],
  [procedureName(KMS.method.getAppKey), { kind: 'attested', refusal: NEEDS_EVIDENCE }],
  [procedureName(GuestAgent.method.getKey), ANONYMOUS],
  [procedureName(GuestAgent.method.emitEvent), ANONYMOUS],
  ['plain/health', ANONYMOUS],
];

export interface Fixture {
  readonly options: HandlerOptions;
  readonly audit: AuditRecord[];
}

/** The KMS under /prpc, the guest agent at the root, /health, and everything over Connect. */
export function fixture(overrides: Partial<HandlerOptions> = {}, behaviour: Behaviour = behave): Fixture {
  const audit: AuditRecord[] = [];
  const options: HandlerOptions = {
    bindings: kmsBindings(behaviour),
    prpc: [
      { mount: '/prpc', trimPrefix: 'KMS.', service: KMS },
      { mount: '/', trimPrefix: null, service: GuestAgent },
    ],
    plain: [healthRoute()],
    access: new Map(RULES),
    audit: (record) => audit.push(record),
    ...overrides,
  };
  return { options, audit };
}

export function handlerOf(overrides: Partial<HandlerOptions> = {}, behaviour: Behaviour = behave) {
  return createRequestHandler(fixture(overrides, behaviour).options);
}

export function socketPath(): string {
  return join(mkdtempSync(join(tmpdir(), 'wire-')), 'agent.sock');
}

/** Where a raw client connects to. */
export function placeOf({ address }: Listener): NetConnectOpts {
  return address.kind === 'unix' ? { path: address.path } : { host: '127.0.0.1', port: address.port };
}

export function baseUrlOf({ address }: Listener, scheme: 'http' | 'https' = 'http'): string {
  return address.kind === 'unix' ? 'http://localhost' : `${scheme}://127.0.0.1:${address.port}`;
}

/** A client that writes bytes and remembers what came back. */
export class RawClient {
  readonly socket: Socket;
  received = '';
  closed = false;

  constructor(listener: Listener) {
    this.socket = connect({ ...placeOf(listener), allowHalfOpen: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => (this.received += text));
    this.socket.on('end', () => this.socket.end());
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.closed = true));
  }

  send(...parts: readonly (string | Uint8Array)[]): this {
    for (const part of parts) this.socket.write(part);
    return this;
  }

  /** Waits until what was received satisfies `test`, or the connection is closed. */
  async until(test: (received: string) => boolean): Promise<string> {
    while (!this.closed && !test(this.received)) await new Promise((resolve) => setTimeout(resolve, 5));
    return this.received;
  }

  /** The next whole answers: as many as there are Content-Length bodies complete. */
  async answers(count: number): Promise<readonly RawAnswer[]> {
    await this.until((received) => parseAnswers(received).length >= count);
    return parseAnswers(this.received);
  }

  async untilClosed(): Promise<string> {
    return this.until(() => false);
  }
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function parseAnswers(text: string): readonly RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return answers;
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n');
    const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]));
    const status = Number(first.split(' ')[1]);
    const length = Number(headers['content-length'] ?? '0');
    if (rest.length < end + 4 + length) return answers;
    if (status !== 100) answers.push({ status, headers, body: rest.slice(end + 4, end + 4 + length) });
    rest = rest.slice(end + 4 + length);
  }
}

/** One request over a connection of its own. */
export async function raw(listener: Listener, ...parts: readonly (string | Uint8Array)[]): Promise<RawAnswer> {
  const client = new RawClient(listener).send(...parts);
  const [answer] = await client.answers(1);
  client.socket.destroy();
  if (answer === undefined) throw new Error(`no answer, but ${JSON.stringify(client.received)}`);
  return answer;
}

export function post(path: string, body: string | Uint8Array, ...headers: readonly string[]): readonly (string | Uint8Array)[] {
  const head = [`POST ${path} HTTP/1.1`, 'Host: localhost', `Content-Length: ${Buffer.byteLength(body)}`, ...headers];
  return [`${head.join('\r\n')}\r\n\r\n`, body];
}

export function get(path: string, ...headers: readonly string[]): string {
  return `${[`GET ${path} HTTP/1.1`, 'Host: localhost', ...headers].join('\r\n')}\r\n\r\n`;
}

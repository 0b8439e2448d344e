import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { callbackify } from 'node:util';
import { Agent, type Dispatcher, request } from 'undici';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';
import { boundedText } from './bounded-body.js';

/** Bytes; an attestation of 10 MiB in hex. */
const MAX_ANSWER_BYTES = 24 * 1024 * 1024;

/** Milliseconds for a connection over vsock; the machine at the other end answers at once or not at all. */
const VSOCK_CONNECT_MS = 10_000;

/** A quote takes hardware about a second, and a busy machine a few of them. */
const CALL_MS = 60_000;

const MAX_U32 = 0xffff_ffff;

const SOCKETS = ['/var/run/dstack/dstack.sock', '/var/run/dstack.sock'] as const;

/** Where the guest agent of this machine usually listens (spec/kms.md section 2). */
export function defaultAgentAddress(): string {
  return `unix:${SOCKETS.find((path) => existsSync(path)) ?? SOCKETS[0]}`;
}

/** One JSON call in the prpc dialect. @throws EvidenceSourceError */
export type AgentCall = (method: string, message: Readonly<Record<string, string>>, signal?: AbortSignal) => Promise<Readonly<Record<string, unknown>>>;

/** Connects to a vsock address; `deadlineMs` is in milliseconds. */
export type VsockConnector = (address: { readonly cid: number; readonly port: number; readonly deadlineMs: number }) => Promise<Socket>;

/**
 * A guest agent at `unix:<path>`, `http://host[:port]` or `vsock://<cid>:<port>[/prefix]` (spec/prpc.md section 14).
 * @param connectVsock null: vsock addresses are refused
 * @throws TypeError for another kind of address
 */
export function createAgentCall(address: string, connectVsock: VsockConnector | null = null): AgentCall {
  const { origin, dispatcher } = target(address, connectVsock);
  return async (method, message, signal) => {
    const deadline = AbortSignal.timeout(CALL_MS);
    try {
      const answer = await request(`${origin}/${method}?json`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(message),
        dispatcher,
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      });
      return parse(method, answer.statusCode, await boundedText(answer.body, MAX_ANSWER_BYTES));
    } catch (cause) {
      throw asSourceError(cause, deadline, address);
    }
  };
}

function target(address: string, connectVsock: VsockConnector | null): { readonly origin: string; readonly dispatcher: Dispatcher } {
  if (address.startsWith('unix:')) return { origin: 'http://localhost', dispatcher: new Agent({ connect: { socketPath: address.slice('unix:'.length) } }) };
  if (/^https?:\/\//.test(address) && URL.canParse(address)) return { origin: address.replace(/\/+$/, ''), dispatcher: new Agent() };
  const vsock = /^vsock:\/\/(\d{1,10}):(\d{1,10})(\/.*)?$/.exec(address);
  const [cid, port] = [Number(vsock?.[1]), Number(vsock?.[2])];
  if (vsock !== null && connectVsock !== null && cid <= MAX_U32 && port >= 1 && port <= MAX_U32) {
    return { origin: `http://localhost${(vsock[3] ?? '').replace(/\/+$/, '')}`, dispatcher: vsockAgent(() => connectVsock({ cid, port, deadlineMs: VSOCK_CONNECT_MS })) };
  }
  throw new TypeError(`guest agent address must be unix:<path>, http://… or vsock://<cid>:<port>, not ${address}`);
}

function vsockAgent(connect: () => Promise<Socket>): Agent {
  const connecting = callbackify(connect);
  return new Agent({ connect: (_options, callback) => connecting((error, socket) => (error === null ? callback(null, socket) : callback(error, null))) });
}

function parse(method: string, status: number, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', `guest agent answered ${method} with status ${status} and no JSON`, { cause });
  }
  if (typeof value !== 'object' || value === null) throw new EvidenceSourceError('DEVICE_FAILED', `guest agent answered ${method} with no object`);
  const fields: Readonly<Record<string, unknown>> = { ...value };
  if (fields['code'] === 'RESOURCE_EXHAUSTED') throw new EvidenceSourceError('DEVICE_BUSY', `the guest agent has no turn left for ${method}`);
  if (status !== 200) throw new EvidenceSourceError('DEVICE_FAILED', `guest agent refused ${method}: ${String(fields['error']).slice(0, 512)}`);
  return fields;
}

function asSourceError(cause: unknown, deadline: AbortSignal, address: string): EvidenceSourceError {
  if (cause instanceof EvidenceSourceError) return cause;
  if (deadline.aborted) return new EvidenceSourceError('DEVICE_TIMEOUT', `guest agent at ${address} did not answer in ${CALL_MS} ms`, { cause });
  return new EvidenceSourceError('DEVICE_ABSENT', `guest agent at ${address} cannot be reached`, { cause });
}

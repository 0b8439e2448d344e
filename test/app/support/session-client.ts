import { X509Certificate } from 'node:crypto';
import { request } from 'node:http';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect, type TLSSocket } from 'node:tls';
import { encodeAttestation } from '../../../src/attestation/wire/decode.js';
import type { EvidenceSource } from '../../../src/attestation/evidence/evidence-source.js';
import { SESSION_EXPORTER, sessionReportData } from '../../../src/crypto/session-report-data.js';
import type { ClientIdentity } from './tls-client.js';

export interface SessionAnswer {
  readonly status: number;
  readonly json: Record<string, unknown>;
  /** A bytes field of the answer. */
  bytes(field: string): Uint8Array;
}

type Message = Record<string, Uint8Array | string | number>;

export type Dialect = 'prpc over HTTP/1.1' | 'Connect over HTTP/2';

/** One TLS connection to a KMS, and calls on it. */
export interface SessionClient {
  readonly socket: TLSSocket;
  readonly exporter: Uint8Array;
  /** Bytes are encoded as the dialect has them. */
  call(method: string, message?: Message): Promise<SessionAnswer>;
  close(): void;
}

export async function openSession(dialect: Dialect, port: number, identity: ClientIdentity): Promise<SessionClient> {
  const isHttp2 = dialect === 'Connect over HTTP/2';
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const made = connect({ host: 'localhost', port, rejectUnauthorized: false, ALPNProtocols: [isHttp2 ? 'h2' : 'http/1.1'], ...identity }, () => resolve(made));
    made.once('error', reject);
  });
  socket.on('error', () => undefined);
  const exporter = Uint8Array.from(socket.exportKeyingMaterial(SESSION_EXPORTER.length, SESSION_EXPORTER.label, Buffer.alloc(0)));
  const http2 = isHttp2 ? connectHttp2('https://localhost', { createConnection: () => socket }) : null;
  http2?.on('error', () => undefined);
  return {
    socket,
    exporter,
    call: (method, message = {}) => (http2 === null ? prpc(socket, method, message) : connectUnary(http2, method, message)),
    close: () => {
      http2?.destroy();
      socket.destroy();
    },
  };
}

/** The evidence of `machine` over a nonce, as the holder of `cert` would make it on the connection with that exporter. */
export async function sessionEvidence(machine: EvidenceSource, exporter: Uint8Array, cert: string, nonce: Uint8Array): Promise<Uint8Array> {
  const spki = Uint8Array.from(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' }));
  return encodeAttestation(await machine.attest(sessionReportData({ exporter, spki, nonce })));
}

function body(message: Message, encoding: 'hex' | 'base64'): string {
  return JSON.stringify(Object.fromEntries(Object.entries(message).map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value).toString(encoding) : value])));
}

function answer(status: number, text: string, encoding: 'hex' | 'base64'): SessionAnswer {
  const json = JSON.parse(text) as Record<string, unknown>;
  return { status, json, bytes: (field) => Uint8Array.from(Buffer.from(String(json[field]), encoding)) };
}

function prpc(socket: TLSSocket, method: string, message: Message): Promise<SessionAnswer> {
  const payload = body(message, 'hex');
  const headers = { 'content-type': 'application/json', 'content-length': payload.length, connection: 'keep-alive' };
  return new Promise((resolve, reject) => {
    const sent = request({ createConnection: () => socket, method: 'POST', path: `/prpc/${method}?json`, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => resolve(answer(response.statusCode ?? 0, Buffer.concat(chunks).toString(), 'hex')));
    });
    sent.once('error', reject);
    sent.end(payload);
  });
}

function connectUnary(session: ClientHttp2Session, method: string, message: Message): Promise<SessionAnswer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': `/dstack.kms.v1.KMS/${method}`, 'content-type': 'application/json' });
    const chunks: Buffer[] = [];
    let status = 0;
    stream.once('response', (headers) => {
      status = Number(headers[':status']);
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => resolve(answer(status, Buffer.concat(chunks).toString(), 'base64')));
    stream.once('error', reject);
    stream.end(body(message, 'base64'));
  });
}

import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { KmsClientError } from '../errors/kms-client-error.js';

/** Bytes. Certificate chains with evidence are the largest answers. */
const MAX_ANSWER = 4 * 1024 * 1024;
/** Characters of a refusal that are kept. */
const MAX_ERROR_TEXT = 2048;

export interface PrpcCall {
  /** A verified connection. */
  readonly socket: TLSSocket;
  /** Leave it open for another call once this one succeeded; otherwise it is closed. */
  readonly keepOpen: boolean;
  readonly host: string;
  /** E.g. `/prpc/GetAppKey`. */
  readonly path: string;
  /** snake_case JSON with hex bytes. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

/**
 * One call in the prpc dialect (spec/prpc.md): `POST <path>?json`.
 * @throws KmsClientError KMS_UNREACHABLE, KMS_REFUSED, KMS_ANSWER_INVALID
 */
export async function prpcCall(call: PrpcCall): Promise<Readonly<Record<string, unknown>>> {
  let keep = false;
  try {
    const { status, text } = await exchange(call);
    const answer = parseObject(text);
    if (status === 200 && answer !== null) {
      keep = call.keepOpen;
      return answer;
    }
    if (answer !== null && typeof answer['error'] === 'string') throw refusal(status, answer);
    throw new KmsClientError('KMS_ANSWER_INVALID', `${call.path} answered ${status} without a JSON object`);
  } finally {
    if (!keep) call.socket.destroy();
  }
}

function exchange({ socket, keepOpen, host, path, body, signal }: PrpcCall): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const unreachable = (cause: unknown): void => reject(new KmsClientError('KMS_UNREACHABLE', `${path} was not answered`, { cause }));
    const payload = Buffer.from(JSON.stringify(body), 'utf8');
    const headers = { Host: host, 'Content-Type': 'application/json', 'Content-Length': payload.length, Connection: keepOpen ? 'keep-alive' : 'close' };
    const request = httpRequest({ createConnection: () => socket, method: 'POST', path: `${path}?json`, headers, signal });
    request.once('error', unreachable);
    request.once('response', (response) => {
      readAnswer(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    request.end(payload);
  });
}

async function readAnswer(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_ANSWER) throw new KmsClientError('KMS_ANSWER_INVALID', `answer is larger than ${MAX_ANSWER} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof KmsClientError ? cause : new KmsClientError('KMS_UNREACHABLE', 'the connection broke', { cause });
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function refusal(status: number, answer: Readonly<Record<string, unknown>>): KmsClientError {
  const text = String(answer['error']).slice(0, MAX_ERROR_TEXT);
  const kmsCode = typeof answer['code'] === 'string' ? answer['code'] : null;
  return new KmsClientError('KMS_REFUSED', `Request failed with status=${status}, error=${text}`, { kmsCode });
}

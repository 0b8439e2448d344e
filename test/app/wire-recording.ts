import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

/** One line of test/vectors/wire/guest-agent.jsonl; see test/vectors/README.md. */
export interface RecordedExchange {
  readonly id: string;
  readonly sock: 'dstack' | 'tappd' | 'external' | 'guest';
  readonly method: string;
  readonly path: string;
  readonly body: string | null;
  readonly hex: string | null;
  readonly ctype: string | null;
  readonly headers: readonly (readonly [string, string])[];
  readonly rule: 'exact' | 'shape' | 'text' | 'error' | 'status';
  readonly mask: readonly string[];
  readonly raw: string | null;
  readonly status: number;
  readonly answer_type: string;
  readonly answer_hex: string;
}

export interface WireAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

export function recordedExchanges(): RecordedExchange[] {
  const text = readFileSync(new URL('../vectors/wire/guest-agent.jsonl', import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RecordedExchange);
}

/** The bytes of a recorded request, and whether its sender then closes its half of the connection. */
export function requestBytes(exchange: RecordedExchange): { readonly bytes: Buffer; readonly fin: boolean } {
  if (exchange.raw !== null) {
    const [hex = '', ...rest] = exchange.raw.split('+');
    return { bytes: Buffer.from(hex, 'hex'), fin: rest.includes('fin') };
  }
  const body = exchange.hex === null || exchange.hex === '' ? Buffer.from(exchange.body ?? '', 'utf8') : Buffer.from(exchange.hex, 'hex');
  const head = [
    `${exchange.method} ${exchange.path} HTTP/1.1`,
    'Host: localhost',
    ...(exchange.ctype === null ? [] : [`Content-Type: ${exchange.ctype}`]),
    ...exchange.headers.map(([name, value]) => `${name}: ${value}`),
    ...(exchange.method === 'GET' || exchange.method === 'HEAD' ? [] : [`Content-Length: ${body.length}`]),
  ];
  return { bytes: Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'utf8'), body]), fin: false };
}

/** Sends raw bytes over a unix socket and reads exactly one answer; answers must have a Content-Length. */
export function exchangeRaw(path: string, { bytes, fin }: { readonly bytes: Buffer; readonly fin: boolean }): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    let received = Buffer.alloc(0);
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer in 10 s')));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const answer = parseAnswer(received);
      if (answer === null) return;
      resolve(answer);
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${received.length} bytes: ${received.toString('latin1')}`)));
    if (fin) socket.end(bytes);
    else socket.write(bytes);
  });
}

function parseAnswer(received: Buffer): WireAnswer | null {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [statusLine = '', ...lines] = received.subarray(0, end).toString('latin1').split('\r\n');
  const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  const length = Number(headers.get('content-length') ?? Number.NaN);
  if (Number.isNaN(length)) throw new Error(`no Content-Length in ${statusLine}`);
  const body = received.subarray(end + 4);
  if (body.length < length) return null;
  return { status: Number(statusLine.split(' ')[1]), contentType: headers.get('content-type') ?? '', body: body.subarray(0, length) };
}

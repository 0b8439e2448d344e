import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { Listener } from '../../src/http/listen/listener.js';
import { listenTcp } from '../../src/http/listen/tcp.js';
import { createRequestHandler } from '../../src/http/request-handler.js';
import { fixture } from './fixture.js';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const [DATA, HEADERS, RST_STREAM, SETTINGS] = [0, 1, 3, 4];
const [END_STREAM, END_HEADERS] = [1, 4];

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
}

let listener: Listener | null = null;
afterEach(() => listener?.stop(0));

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Header block without compression: literal fields, never indexed (RFC 7541 section 6.2.3). */
function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): number[] => [value.length, ...Buffer.from(value)];
  return Buffer.from(Object.entries(fields).flatMap(([name, value]) => [0x10, ...text(name), ...text(value)]));
}

function frames(bytes: Buffer): Frame[] {
  const found: Frame[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    found.push({ type: bytes.readUInt8(at + 3), flags: bytes.readUInt8(at + 4), stream: bytes.readUInt32BE(at + 5) });
  }
  return found;
}

/** What the server sends on stream 1 within `ms`, for a request that is too large from its first byte on. */
async function answerTo(body: readonly Buffer[], ms: number): Promise<readonly Frame[]> {
  listener = await listenTcp({ host: '127.0.0.1', port: 0 }, { handler: createRequestHandler(fixture({ limits: { prpcBody: 1 } }).options) });
  const { address } = listener;
  if (address.kind !== 'tcp') throw new Error('not TCP');
  const socket = connect(address.port, '127.0.0.1');
  const request = { ':method': 'POST', ':scheme': 'http', ':path': '/prpc/GetKey?json', ':authority': 'x', 'content-length': '3' };
  socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, Buffer.alloc(0)), frame(HEADERS, END_HEADERS, 1, headerBlock(request)), ...body]));
  const received: Buffer[] = [];
  socket.on('data', (chunk) => received.push(chunk));
  await new Promise((resolve) => setTimeout(resolve, ms));
  socket.destroy();
  return frames(Buffer.concat(received)).filter(({ stream }) => stream === 1);
}

it('an answer before the request was read is whole, and a request that is complete is not reset', async () => {
  const got = await answerTo([frame(DATA, END_STREAM, 1, Buffer.from('{ }'))], 300);
  expect(got.filter(({ flags, type }) => type === DATA && (flags & END_STREAM) !== 0)).toHaveLength(1);
  expect(got.filter(({ type }) => type === RST_STREAM)).toEqual([]);
});

it('an answer before the request has arrived is whole, then the client is told to stop', async () => {
  const got = await answerTo([frame(DATA, 0, 1, Buffer.from('{'))], 500);
  const end = got.findIndex(({ flags, type }) => type === DATA && (flags & END_STREAM) !== 0);
  expect(end).toBeGreaterThanOrEqual(0);
  expect(got.findIndex(({ type }) => type === RST_STREAM)).toBeGreaterThan(end);
});

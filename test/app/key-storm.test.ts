import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { createConnection } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createGuestAgentApp } from '../../src/app/guest-agent.js';
import { createAgentDirectory } from './agent-directory.js';

/** As many requests as one connection may have open. */
const STREAMS = 100;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

interface Running {
  /** How many keys nobody had before were made since the agent serves. */
  keysMade(): number;
  /** A connection of its own that was used already. */
  connected(): Promise<ClientHttp2Session>;
}

async function start(): Promise<Running> {
  const files = createAgentDirectory();
  cleanups.push(() => files.remove());
  let made = 0;
  const app = createGuestAgentApp(files.config(), {
    random: (length) => {
      made++;
      return randomBytes(length);
    },
  });
  cleanups.push(() => app.stop(1000));
  await app.start();
  const before = made;
  return {
    keysMade: () => made - before,
    async connected() {
      const session = connect('http://localhost', { createConnection: () => createConnection(files.dstackSock) });
      cleanups.push(() => session.close());
      await ask(session, '/Version');
      return session;
    },
  };
}

interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

/** Rejects when there is no whole answer, because `signal` gave it up or otherwise. */
function ask(session: ClientHttp2Session, path: string, body: unknown = {}, signal?: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/json' }, signal === undefined ? {} : { signal });
    const chunks: Buffer[] = [];
    let status = 0;
    stream.on('response', (headers) => (status = headers[':status'] ?? 0));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => {
      try {
        resolve({ status, json: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown> });
      } catch (error) {
        reject(error);
      }
    });
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the stream closed')));
    stream.end(JSON.stringify(body));
  });
}

const burst = (session: ClientHttp2Session, path: string, body: (at: number) => unknown = () => ({}), signal?: AbortSignal): Promise<Answer>[] =>
  Array.from({ length: STREAMS }, (_, at) => ask(session, path, body(at), signal));

describe('200 GetTlsKey at once', () => {
  it.each([
    ['Version', {}],
    ['GetKey', { path: 'nobody asked for it' }],
    ['Sign', { algorithm: 'ed25519', data: '00' }],
  ])('are answered all, and %s before most of them', async (method, body) => {
    const agent = await start();
    const [one, other, third] = [await agent.connected(), await agent.connected(), await agent.connected()];
    const storm = [...burst(one, '/GetTlsKey'), ...burst(other, '/GetTlsKey')];
    const { status } = await ask(third, `/${method}`, body);
    const madeBefore = agent.keysMade();
    const answers = await Promise.all(storm);
    expect(status).toBe(200);
    expect(madeBefore).toBeLessThan(STREAMS);
    expect(answers.map((answer) => answer.status)).toEqual(Array<number>(2 * STREAMS).fill(200));
    expect(new Set(answers.map(({ json }) => json['key'])).size).toBe(2 * STREAMS);
  });

  it('fail one by one', async () => {
    const session = await (await start()).connected();
    const answers = await Promise.all(burst(session, '/GetTlsKey', (at) => ({ not_before: 20, not_after: at === 50 ? 20 : 21 })));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: STREAMS }, (_, at) => (at === 50 ? 400 : 200)));
    expect(answers[50]?.json['code']).toBe('INVALID_ARGUMENT');
  });

  it('are not worked on for a client that has gone', async () => {
    const agent = await start();
    const [leaving, staying] = [await agent.connected(), await agent.connected()];
    const giveUp = new AbortController();
    setMaxListeners(STREAMS, giveUp.signal);
    const abandoned = burst(leaving, '/GetTlsKey', () => ({}), giveUp.signal);
    const settled = Promise.allSettled(abandoned);
    await abandoned[0];
    giveUp.abort();
    // Comes after all that wait.
    expect((await ask(staying, '/GetTlsKey')).status).toBe(200);
    expect((await settled).some(({ status }) => status === 'rejected')).toBe(true);
    expect(agent.keysMade()).toBeLessThan(STREAMS);
  });
});

describe('200 GetKey at once', () => {
  it('are answered each with the key of its path', async () => {
    const agent = await start();
    const [one, other] = [await agent.connected(), await agent.connected()];
    const path = (at: number): object => ({ path: `path ${at}` });
    const [first, second] = await Promise.all([Promise.all(burst(one, '/GetKey', path)), Promise.all(burst(other, '/GetKey', path))]);
    expect(first.map(({ status }) => status)).toEqual(Array<number>(STREAMS).fill(200));
    expect(second.map(({ json }) => json['key'])).toEqual(first.map(({ json }) => json['key']));
    expect(new Set(first.map(({ json }) => json['key'])).size).toBe(STREAMS);
  });
});

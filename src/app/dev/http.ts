import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';

/** One exchange, whole. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly bytes: Buffer;
  /** The body as JSON. @throws SyntaxError */
  json(): Record<string, unknown>;
}

export interface Client {
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** `body` is sent as JSON. */
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  close(): Promise<void>;
}

/** Talks to a unix socket. */
export function unixClient(socketPath: string): Client {
  return clientOf('http://localhost', new Agent({ connect: { socketPath } }));
}

/** Plain HTTP, as `curl` would. */
export function httpClient(origin: string): Client {
  return clientOf(origin, new Agent());
}

/** TLS trusting `caFile` only, with an RA-TLS client certificate where one is given. */
export function tlsClient(origin: string, caFile: string, pair: { readonly cert: string; readonly key: string } | null): Client {
  const client = pair === null ? {} : { cert: readFileSync(pair.cert), key: readFileSync(pair.key) };
  return clientOf(origin, new Agent({ connect: { ca: readFileSync(caFile), ...client } }));
}

function clientOf(origin: string, dispatcher: Agent): Client {
  const call = async (method: 'GET' | 'POST', path: string, body: string | null, headers: Readonly<Record<string, string>>): Promise<Answer> => {
    const response = await request(`${origin}${path}`, { method, body, headers, dispatcher, headersTimeout: 20_000, bodyTimeout: 20_000 });
    const bytes = Buffer.from(await response.body.arrayBuffer());
    const text = bytes.toString('utf8');
    return { status: response.statusCode, text, bytes, json: () => JSON.parse(text) as Record<string, unknown> };
  };
  return {
    get: (path, headers = {}) => call('GET', path, null, headers),
    post: (path, body, headers = {}) => call('POST', path, JSON.stringify(body), { 'content-type': 'application/json', ...headers }),
    close: () => dispatcher.close(),
  };
}

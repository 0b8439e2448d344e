import { readFileSync } from 'node:fs';
import { Agent, type buildConnector, request } from 'undici';
import { SESSION_EXPORTER } from '../../crypto/session-report-data.js';
import { raTlsConnect } from '../../outbound/ra-tls-connect.js';
import { parseCertificate } from '../../x509/certificate.js';

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

/** A client on one TLS connection, and what evidence for that connection is made of. */
export interface SessionClient extends Client {
  /** Keying material of the connection for session binding, 32 bytes. */
  readonly exporter: Uint8Array;
  /** SubjectPublicKeyInfo (DER) of the server's certificate. */
  readonly serverSpki: Uint8Array;
}

/** As `tlsClient`, with PEM texts for a pair, on one connection that is made now and never again. */
export async function sessionClient(origin: string, caFile: string, client: { readonly cert: string; readonly key: string } | null): Promise<SessionClient> {
  const { hostname, port } = new URL(origin);
  const trust = { rootPem: readFileSync(caFile, 'utf8'), check: async () => null };
  const { socket } = await raTlsConnect({ host: hostname, port: Number(port), trust, client, connectTimeoutMs: 5_000, signal: AbortSignal.timeout(60_000) });
  let used = false;
  const connect: buildConnector.connector = (_options, callback) => {
    // undici does not take an answer before it has finished asking.
    const again = used;
    used = true;
    queueMicrotask(() => (again ? callback(new Error('the connection of the session is closed'), null) : callback(null, socket)));
  };
  return {
    ...clientOf(origin, new Agent({ connect, connections: 1 })),
    exporter: Uint8Array.from(socket.exportKeyingMaterial(SESSION_EXPORTER.length, SESSION_EXPORTER.label, Buffer.alloc(0))),
    serverSpki: parseCertificate(Uint8Array.from(socket.getPeerCertificate(false).raw)).spki,
  };
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

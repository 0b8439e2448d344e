import { Agent, request, type RequestOptions } from 'node:https';

/** PEM pair of an RA-TLS client, or null for an anonymous one. */
export type ClientIdentity = { readonly key: string; readonly cert: string } | null;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** The body as JSON. */
  json(): Record<string, unknown>;
}

/** One kept-alive TLS connection to a KMS on localhost. */
export class TlsClient {
  readonly #agent: Agent;
  readonly #port: number;

  constructor(port: number, identity: ClientIdentity = null, ca: string | null = null) {
    this.#port = port;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: 1,
      ...identity,
      ...(ca === null ? { rejectUnauthorized: false } : { ca }),
    });
  }

  /** `POST /prpc/<method>?json`. */
  call(method: string, message: unknown = {}, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    return this.send('POST', `/prpc/${method}?json`, JSON.stringify(message), { 'Content-Type': 'application/json', ...headers });
  }

  get(path: string): Promise<HttpAnswer> {
    return this.send('GET', path, '', {});
  }

  send(method: string, path: string, body: string | Buffer, headers: Record<string, string>): Promise<HttpAnswer> {
    const options: RequestOptions = { agent: this.#agent, host: 'localhost', port: this.#port, method, path, headers: { ...headers, 'Content-Length': String(Buffer.byteLength(body)) } };
    return new Promise((resolve, reject) => {
      const sent = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const all = Buffer.concat(chunks);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: all, json: () => JSON.parse(all.toString('utf8')) as Record<string, unknown> });
        });
      });
      sent.once('error', reject);
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

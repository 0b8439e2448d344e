// Calls a KMS once with every identity of a file, each over a connection of its own; prints what became of each as JSON.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { setPriority } from 'node:os';
import type { Pair } from './fleet.js';

/** What to call, and as whom. */
export interface Orders {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  readonly path: string;
  readonly body: string;
  readonly identities: readonly Pair[];
  /** Connections at a time. */
  readonly atOnce: number;
  /** Nice value of this process. */
  readonly nice: number;
}

/** Code of a refusal; "" for an answer; "lost: …", with the system's error, for a connection that ended without either. */
export type Outcome = string;

function call({ url, ca, path, body }: Orders, pair: Pair): Promise<Outcome> {
  return new Promise((resolve) => {
    const lost = (error: Error): void => resolve(`lost: ${error.message}`);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(`${url}${path}`, { method: 'POST', ca, ...pair, agent: false, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', lost);
      response.on('end', () => resolve(response.statusCode === 200 ? '' : codeOf(text)));
    });
    sent.on('error', lost);
    sent.end(body);
  });
}

function codeOf(text: string): Outcome {
  const { code } = JSON.parse(text) as Record<string, unknown>;
  return typeof code === 'string' ? code : 'without a code';
}

const orders = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Orders;
setPriority(orders.nice);
const waiting = orders.identities.values();
const outcomes: Outcome[] = [];
await Promise.all(
  Array.from({ length: orders.atOnce }, async () => {
    for (const pair of waiting) outcomes.push(await call(orders, pair));
  }),
);
process.stdout.write(JSON.stringify(outcomes));

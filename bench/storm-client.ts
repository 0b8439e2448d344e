// Calls a KMS once with every identity of a file, each over a connection of its own, all under way at once; prints what became of each as JSON.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { setPriority } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Pair } from './fleet.js';

/** What to call, and as whom. */
export interface Orders {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  readonly path: string;
  readonly body: string;
  readonly identities: readonly Pair[];
  /** Nice value of this process. */
  readonly nice: number;
}

/** Code of a refusal; "" for an answer; "lost" for a connection that ended without either. */
export type Outcome = string;

function call({ url, ca, path, body }: Orders, pair: Pair): Promise<Outcome> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(`${url}${path}`, { method: 'POST', ca, ...pair, agent: false, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', () => resolve('lost'));
      response.on('end', () => resolve(response.statusCode === 200 ? '' : codeOf(text)));
    });
    sent.on('error', () => resolve('lost'));
    sent.end(body);
  });
}

function codeOf(text: string): Outcome {
  const { code } = JSON.parse(text) as Record<string, unknown>;
  return typeof code === 'string' ? code : 'without a code';
}

const orders = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Orders;
setPriority(orders.nice);
const calls: Promise<Outcome>[] = [];
for (const pair of orders.identities) {
  calls.push(call(orders, pair));
  await nextTurn();
}
process.stdout.write(JSON.stringify(await Promise.all(calls)));

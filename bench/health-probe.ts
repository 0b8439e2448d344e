// Asks each "METHOD URL" given every 5 ms over one connection, until standard input ends; then prints the milliseconds of each as JSON.
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';

const EVERY_MS = 5;
/** Calls before anything is counted: code that has not run often is slower than the storm. */
const WARM_UP = 300;
const state = { going: true };
process.stdin.on('end', () => (state.going = false)).resume();

function asker(target: string): () => Promise<void> {
  const [method, url = ''] = target.split(' ');
  const kept = { keepAlive: true, maxSockets: 1 };
  const secure = url.startsWith('https:');
  const agent = secure ? new HttpsAgent({ ...kept, rejectUnauthorized: false }) : new HttpAgent(kept);
  const headers = method === 'POST' ? { 'content-type': 'application/json', 'content-length': 2 } : {};
  return () =>
    new Promise((resolve, reject) => {
      const sent = (secure ? httpsRequest : httpRequest)(url, { method, agent, headers }, (response) => {
        response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`${target} answered ${response.statusCode}`)))).resume();
      });
      sent.on('error', reject).end(method === 'POST' ? '{}' : '');
    });
}

async function probe(ask: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  while (state.going) {
    const from = performance.now();
    await ask();
    times.push(performance.now() - from);
    await delay(EVERY_MS);
  }
  return times;
}

const askers = process.argv.slice(2).map(asker);
for (const ask of askers) for (let warmUp = 0; warmUp < WARM_UP; warmUp++) await ask();
process.stdout.write('started\n');
process.stdout.write(`${JSON.stringify(await Promise.all(askers.map(probe)))}\n`);
process.exit(0);

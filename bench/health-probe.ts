// Asks the port given for /health every 5 ms over one connection, until standard input ends; then prints the milliseconds as JSON.
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const options = { host: '127.0.0.1', port: Number(process.argv[2]), path: '/health', agent: new Agent({ keepAlive: true, maxSockets: 1 }) };
const times: number[] = [];
const state = { going: true };
process.stdin.on('end', () => (state.going = false)).resume();

function ask(): Promise<void> {
  return new Promise((resolve, reject) => {
    get(options, (response) => response.on('end', resolve).resume()).on('error', reject);
  });
}

await ask();
process.stdout.write('started\n');
while (state.going) {
  const from = performance.now();
  await ask();
  times.push(performance.now() - from);
  await delay(5);
}
process.stdout.write(`${JSON.stringify(times)}\n`);
process.exit(0);

// `npm run fuzz -- <target|all> --seconds N [--seed S] [--update]`: fuzzes decoders of untrusted bytes, guided by the branches taken.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { FuzzOrder } from './engine/messages.js';
import { slotMemory } from './engine/slot.js';
import { type FuzzResult, supervise } from './engine/supervise.js';
import type { Target } from './engine/target.js';

/** Many times what the slowest input needs, so that a loaded machine is no finding. */
const HANG_MS = 10_000;
const DEFAULT_SECONDS = '60';
const own = fileURLToPath(import.meta.url);
const root = fileURLToPath(new URL('../../', import.meta.url));
const names = readdirSync(new URL('./targets/', import.meta.url))
  .filter((file) => file.endsWith('.js'))
  .map((file) => file.slice(0, -3))
  .sort();

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: DEFAULT_SECONDS }, seed: { type: 'string', default: '1' }, update: { type: 'boolean', default: false } },
});
process.exitCode = await main(positionals[0] ?? '');

async function main(name: string): Promise<number> {
  if (name === 'all') return everyTarget();
  if (!names.includes(name)) {
    console.error(`usage: npm run fuzz -- <target|all> [--seconds N] [--seed S] [--update]\ntargets: ${names.join(' ')}`);
    return 2;
  }
  const result = await supervise(await orderFor(name));
  console.log(tableRow(name, result));
  for (const finding of result.findings) console.error(`finding in ${name}: ${finding}`);
  return result.findings.length > 0 || result.summary === null ? 1 : 0;
}

/** Each in a process of its own, so that one's memory is not another's. */
function everyTarget(): number {
  const failed = names.filter((name) => spawnSync(process.execPath, [own, name, ...process.argv.slice(3)], { stdio: 'inherit' }).status !== 0);
  if (failed.length > 0) console.error(`findings in: ${failed.join(' ')}`);
  return failed.length > 0 ? 1 : 0;
}

async function orderFor(name: string): Promise<FuzzOrder> {
  const module = new URL(`./targets/${name}.js`, import.meta.url).href;
  const { target } = (await import(module)) as { readonly target: Target };
  return {
    target: module,
    corpus: join(root, 'fuzz/corpus', name),
    findings: join(root, 'fuzz/findings', name),
    seed: Number(values.seed),
    durationMs: Number(values.seconds) * 1000,
    hangMs: HANG_MS,
    memory: slotMemory(Math.max(target.maxLength, 1 << 20)),
    update: values.update,
  };
}

function tableRow(name: string, { summary, findings, rss }: FuzzResult): string {
  const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
  if (summary === null) return `| ${name} | did not come to its end | findings ${findings.length} |`;
  const { executions, accepted, branchesBefore, branchesAfter, corpusFiles, slowestMs, heapBefore, heapAfter } = summary;
  return `| ${name} | ${executions} executions, ${accepted} accepted | branches ${branchesBefore} → ${branchesAfter} | corpus ${corpusFiles} files | slowest ${slowestMs.toFixed(1)} ms | live MiB ${mib(heapBefore)} → ${mib(heapAfter)} | RSS MiB ${mib(rss.early)} → ${mib(rss.end)}, peak ${mib(rss.peak)} | findings ${findings.length} |`;
}

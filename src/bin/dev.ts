import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { developmentPlatform, MACHINE_KINDS } from '../app/dev/platforms.js';
import { runDevelopmentSystem } from '../app/dev/run.js';

const port = (text: string): number => Number.parseInt(text, 10);

const command = new Command('npm start --')
  .description('A KMS and a guest agent on the development platform')
  .option('--once', 'exercise every documented call, print a summary and exit', false)
  .addOption(new Option('--platform <name>', 'what the applications run on').choices(Object.keys(MACHINE_KINDS)).default('tdx'))
  .option('--dir <path>', 'keep configuration, keys and sockets here instead of a temporary directory')
  .option('--kms-port <port>', 'port of the KMS; 0 takes a free one', port)
  .option('--agent-port <port>', 'port of the guest agent\'s external HTTPS listener; 0 takes a free one', port)
  .parse();
const options = command.opts<{ once: boolean; platform: string; dir?: string; kmsPort?: number; agentPort?: number }>();

const temporary = options.dir === undefined ? mkdtempSync(join(tmpdir(), 'dstack-')) : null;
const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
// With --once nothing is meant to be reached from outside, so two runs need not fight over ports.
const defaults = options.once ? { kms: 0, agent: 0 } : { kms: 12001, agent: 8090 };
process.exitCode = await runDevelopmentSystem({
  directory: options.dir ?? temporary ?? '',
  platform: developmentPlatform(options.platform),
  once: options.once,
  kmsPort: options.kmsPort ?? defaults.kms,
  agentPort: options.agentPort ?? defaults.agent,
  stopped: stopped.signal,
  say: (line) => process.stdout.write(`${line}\n`),
});
if (temporary !== null) rmSync(temporary, { recursive: true, force: true });

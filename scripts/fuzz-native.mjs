// `npm run fuzz:native -- [seconds]`: the addon's parsing under libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer.
// Needs clang++ and its sanitizers; without them, as without a single execution, it fails.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './setup.mjs';

const seconds = Number(process.argv[2] ?? 10);
if (!Number.isInteger(seconds) || seconds < 1) fail(`seconds must be a whole number from 1, not ${process.argv[2]}`);
if (spawnSync('clang++', ['--version'], { stdio: 'ignore' }).status !== 0) fail('nothing was fuzzed for want of clang++ (Debian: clang, libclang-rt-dev)');

const out = join(root, 'build', 'fuzz');
const corpus = join(out, 'device-answer-corpus');
const program = join(out, 'device-answer');
const findings = join(root, 'fuzz/findings');
for (const folder of [corpus, findings]) mkdirSync(folder, { recursive: true });
run('clang++', [
  '-std=c++17', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all',
  '-I', join(root, 'native/src'), join(root, 'native/src/device-answer.cc'), join(root, 'fuzz/native/device-answer.cc'), '-o', program,
]);
const options = [`-max_total_time=${seconds}`, '-timeout=10', '-rss_limit_mb=512', '-print_final_stats=1', '-verbosity=0', `-artifact_prefix=${findings}/`];
const { status, error, stderr } = spawnSync(program, [...options, corpus, join(root, 'fuzz/native/corpus')], { stdio: ['ignore', 2, 'pipe'], encoding: 'utf8' });
if (error) throw error;
process.stderr.write(stderr);
if (status !== 0) fail(`the fuzzer ended with status ${status}`);
const executions = Number(/^stat::number_of_executed_units: *(\d+)$/m.exec(stderr)?.[1] ?? 0);
if (executions === 0) fail('nothing was fuzzed: the fuzzer reports no executions');
console.log(`device-answer: ${executions} executions in ${seconds} s, 0 findings`);

function fail(message) {
  console.error(`fuzz:native: ${message}`);
  process.exit(1);
}

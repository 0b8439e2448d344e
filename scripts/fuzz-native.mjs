// `npm run fuzz:native -- [seconds]`: the addon's parsing under libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer. Needs clang++.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './setup.mjs';

const out = join(root, 'build', 'fuzz');
const corpus = join(out, 'device-answer-corpus');
const program = join(out, 'device-answer');
const findings = join(root, 'fuzz/findings');
if (spawnSync('clang++', ['--version'], { stdio: 'ignore' }).status !== 0) {
  console.log('not fuzzed: the parsing of the native addon, for want of clang++ (Debian: clang)');
  process.exit(0);
}
for (const folder of [corpus, findings]) mkdirSync(folder, { recursive: true });
run('clang++', [
  '-std=c++17', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all',
  '-I', join(root, 'native/src'), join(root, 'native/src/device-answer.cc'), join(root, 'fuzz/native/device-answer.cc'), '-o', program,
]);
run(program, [
  `-max_total_time=${Number(process.argv[2] ?? 10)}`, '-timeout=10', '-rss_limit_mb=512', '-print_final_stats=1', '-verbosity=0',
  `-artifact_prefix=${findings}/`, corpus, join(root, 'fuzz/native/corpus'),
]);

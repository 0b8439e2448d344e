import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** What no test here reaches, and why. */
const NEVER: readonly (readonly [string, string])[] = [
  ['TDX, SEV-SNP and Nitro hardware', 'its interfaces are played by a FUSE file system whose evidence development keys sign'],
  ['configfs-tsm and /dev/tdx_guest of the kernel itself', 'the kernel makes them on that hardware only'],
  ['vsock between two machines', 'needs a hypervisor; listening, connecting and bridging run with those system calls ending at unix sockets'],
];

/** After a run that touched the kernel's interfaces, says which ones, and which not. */
export class ExercisedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const groups = new Map<string, TestCase[]>();
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const name = test.meta().exercises;
        if (name !== undefined) groups.set(name, [...(groups.get(name) ?? []), test]);
      }
    }
    if (groups.size === 0) return;
    const lines = [...groups].map(([name, tests]) => [name, tests.filter((test) => test.result().state === 'passed').length, reasonsOf(tests)] as const);
    print(
      'exercised here',
      lines.filter(([, passed]) => passed > 0).map(([name, passed]) => `${name} (${passed} tests)`),
    );
    const missing = lines.flatMap(([name, , reasons]) => reasons.map((reason) => `${name}: ${reason}`));
    print('not exercised here', [...missing, ...NEVER.map(([name, why]) => `${name}: ${why}`)]);
  }
}

function reasonsOf(tests: readonly TestCase[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const test of tests) {
    const result = test.result();
    if (result.state === 'skipped') counts.set(result.note ?? 'skipped', (counts.get(result.note ?? 'skipped') ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => `${count} tests skipped, ${reason}`);
}

function print(title: string, lines: readonly string[]): void {
  process.stdout.write(` ${title}\n${lines.map((line) => `   - ${line}\n`).join('')}`);
}

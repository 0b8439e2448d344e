import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { defaultAddonPath } from '../../src/native/addon-path.js';

test('survives collection at every step, and leaks neither descriptors, locks, devices nor memory', () => {
  const folder = mkdtempSync(join(tmpdir(), 'native-gc-'));
  const script = fileURLToPath(new URL('gc-pressure.mjs', import.meta.url));
  try {
    const child = spawnSync(process.execPath, ['--expose-gc', script, defaultAddonPath(), folder], { encoding: 'utf8', timeout: 60_000 });
    expect(child.stderr).toBe('');
    expect(child.status).toBe(0);
    const result = JSON.parse(child.stdout) as Record<string, number>;
    expect(result).toMatchObject({ settled: 600, argumentsAlive: 0, holdersAlive: 0 });
    expect(result['descriptorsAfter']).toBe(result['descriptorsBefore']);
    expect(result['grownBytes']).toBeLessThan(16 * 1024 * 1024);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

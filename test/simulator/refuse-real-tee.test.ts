import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { EvidenceSourceError } from '../../src/errors/evidence-source-error.js';
import { assertNoTeeDevice, TEE_DEVICE_PATHS } from '../../src/simulator/refuse-real-tee.js';
import { thrownBy } from './development.js';

const dir = mkdtempSync(join(tmpdir(), 'tee-'));
afterAll(() => rmSync(dir, { recursive: true }));

const absent = join(dir, 'absent');
const file = join(dir, 'tdx_guest');
const directory = join(dir, 'report');
const dangling = join(dir, 'dangling');
writeFileSync(file, '');
mkdirSync(directory);
symlinkSync(absent, dangling);

describe('the development platform on a machine with a TEE', () => {
  it.each([
    ['a device node', file],
    ['a configfs directory', directory],
    ['a link, wherever it leads', dangling],
    ['a path that cannot be looked at', join(file, 'below')],
  ])('is refused for %s', (_what, path) => {
    const error = thrownBy(() => assertNoTeeDevice([absent, path]));
    expect(error).toBeInstanceOf(EvidenceSourceError);
    expect(error).toMatchObject({ code: 'NOT_THIS_PLATFORM' });
    expect(String(error)).toContain(path);
  });

  it('is let through where there is none', () => {
    expect(() => assertNoTeeDevice([absent])).not.toThrow();
  });

  it('looks at every TEE this project knows', () => {
    expect(TEE_DEVICE_PATHS).toEqual(['/dev/tdx_guest', '/dev/nsm', '/dev/sev-guest', '/sys/kernel/config/tsm/report']);
  });
});

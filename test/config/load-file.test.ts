import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfigFile, parseConfig } from '../../src/config/load-file.js';

const dir = mkdtempSync(join(tmpdir(), 'config-'));

function file(name: string, content: string | Buffer): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

describe('loadConfigFile', () => {
  it('reads .toml as TOML and anything else as JSON', () => {
    expect(loadConfigFile(file('a.toml', '[rpc]\nport = 8000\n'))).toEqual({ rpc: { port: 8000 } });
    expect(loadConfigFile(file('a.conf', '{"rpc":{"port":8000}}'))).toEqual({ rpc: { port: 8000 } });
  });

  it.each([
    ['missing', join(dir, 'none.toml'), 'CONFIG_UNREADABLE'],
    ['a directory', dir, 'CONFIG_UNREADABLE'],
    ['over 1 MiB', file('big.json', Buffer.alloc(1024 * 1024 + 1, 0x20)), 'CONFIG_UNREADABLE'],
    ['bad TOML', file('bad.toml', '[rpc\n'), 'CONFIG_MALFORMED'],
    ['bad JSON', file('bad.json', '{'), 'CONFIG_MALFORMED'],
  ])('refuses a file that is %s', (_name, path, code) => {
    expect(() => loadConfigFile(path)).toThrowError(expect.objectContaining({ name: 'ConfigError', code }));
  });

  it.each([
    ['secret.toml', '[core.admin]\nauth_token = "swordfish\n'],
    ['secret.json', '{"auth_token": swordfish}'],
  ])('quotes nothing of %s, which may hold tokens', (name, content) => {
    try {
      loadConfigFile(file(name, content));
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'CONFIG_MALFORMED' });
      expect(inspect(error)).not.toContain('swordfish');
    }
  });

  it('says where TOML is wrong', () => {
    expect(() => loadConfigFile(file('line.toml', 'a = 1\nb = \n'))).toThrowError(expect.objectContaining({ message: expect.stringContaining('line 2') }));
  });
});

describe('parseConfig', () => {
  it('names the offending key and the source', () => {
    const schema = z.strictObject({ rpc: z.strictObject({ port: z.number() }) });
    expect(parseConfig(schema, { rpc: { port: 1 } }, 'x')).toEqual({ rpc: { port: 1 } });
    expect(() => parseConfig(schema, { rpc: { port: 'a' } }, 'kms.toml')).toThrowError(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(/^kms\.toml: rpc\.port: /) }),
    );
    expect(() => parseConfig(schema, { rpc: { port: 1, prot: 2 } }, 'kms.toml')).toThrowError(expect.objectContaining({ message: expect.stringContaining('prot') }));
  });
});

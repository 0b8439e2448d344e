import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseAppCompose } from '../../src/guest-agent/app-compose.js';
import { type AppKeys, formatAppKeys, keyProviderId, parseAppKeys } from '../../src/guest-agent/app-keys.js';
import { parseSysConfig } from '../../src/guest-agent/sys-config.js';
import { errorCode, fixtureFile, fixtureKeys, hex } from './fixture.js';

const invalid = errorCode('ConfigError', 'CONFIG_INVALID') as Error;
const malformed = errorCode('ConfigError', 'CONFIG_MALFORMED') as Error;
const recorded = JSON.parse(fixtureFile('appkeys.json').toString()) as Record<string, unknown>;
const withKeys = (change: Record<string, unknown>): string => JSON.stringify({ ...recorded, ...change });

describe('parseAppKeys', () => {
  it('reads the recorded file and writes it back key for key', () => {
    const keys = fixtureKeys();
    expect(hex(keys.k256Key)).toBe('d6e88992cdeeee35fe70b5db61ab66cdb191fb9b6ec9313757ef162dd7214d5d');
    expect(keys.keyProvider.kind).toBe('none');
    expect(formatAppKeys(keys)).toBe(JSON.stringify(recorded));
  });

  it.each<[AppKeys['keyProvider'], string]>([
    [{ kind: 'none', key: 'k' }, ''],
    [{ kind: 'local', key: 'k', mr: Uint8Array.of(1, 2) }, '0102'],
    [{ kind: 'tpm', key: 'k', pubkey: Uint8Array.of(3) }, ''],
    [{ kind: 'kms', url: 'https://k/prpc', pubkey: Uint8Array.of(4), tmpCaKey: 'a', tmpCaCert: 'b' }, '04'],
  ])('keeps provider $kind through a round trip', (keyProvider, id) => {
    const keys = { ...fixtureKeys(), keyProvider };
    expect(parseAppKeys(formatAppKeys(keys))).toEqual(keys);
    expect(hex(keyProviderId(keyProvider))).toBe(id);
  });

  it('takes upper-case hex, a missing environment key, an empty signature and unknown keys', () => {
    const keys = parseAppKeys(withKeys({ k256_key: 'AB'.repeat(32), env_crypt_key: undefined, k256_signature: '', extra: 1 }));
    expect([hex(keys.k256Key), keys.envCryptKey.length, keys.k256Signature.length]).toEqual(['ab'.repeat(32), 0, 0]);
  });

  it.each([
    ['0x', { k256_key: `0x${'ab'.repeat(32)}` }],
    ['odd hex', { disk_crypt_key: 'abc' }],
    ['a short key', { k256_key: 'ab' }],
    ['a short signature', { k256_signature: 'ab' }],
    ['no CA', { ca_cert: undefined }],
    ['no provider', { key_provider: undefined }],
    ['two providers', { key_provider: { None: { key: 'k' }, Tpm: { key: 'k', pubkey: '' } } }],
    ['an unknown provider', { key_provider: { Other: {} } }],
    ['a provider without its fields', { key_provider: { Kms: { url: 'u' } } }],
  ])('refuses %s', (_what, change) => {
    expect(() => parseAppKeys(withKeys(change))).toThrow(invalid);
  });

  it('never quotes a value', () => {
    const secret = 'f00dface'.repeat(8);
    for (const text of [withKeys({ k256_key: `${secret}zz` }), `{"k256_key":"${secret}"`, `{"k256_key":${secret}}`]) {
      let message = '';
      try {
        parseAppKeys(text);
      } catch (error) {
        message = JSON.stringify([String(error), error instanceof Error ? String(error.cause) : '']);
      }
      expect(message).not.toBe('');
      expect(message).not.toContain('f00d');
    }
  });
});

describe('parseAppCompose', () => {
  const compose = (value: Record<string, unknown>): ReturnType<typeof parseAppCompose> =>
    parseAppCompose(Buffer.from(JSON.stringify({ manifest_version: 2, name: 'n', runner: 'bash', ...value })));

  it('hashes and keeps the exact bytes', () => {
    const file = fixtureFile('app-compose.json');
    const parsed = parseAppCompose(file);
    expect(hex(parsed.hash)).toBe(createHash('sha256').update(file).digest('hex'));
    expect(parsed.text).toBe(file.toString());
    expect([parsed.name, parsed.publicTcbinfo, parsed.keyProvider]).toEqual(['guest-agent', true, 'kms']);
  });

  it.each([
    [{}, 'none'],
    [{ kms_enabled: true, local_key_provider_enabled: true }, 'kms'],
    [{ local_key_provider_enabled: true }, 'local'],
    [{ key_provider: 'tpm', kms_enabled: true }, 'tpm'],
    [{ key_provider: null, kms_enabled: true }, 'kms'],
  ])('reads the key provider of %j as %s', (value, provider) => {
    expect(compose(value).keyProvider).toBe(provider);
  });

  it('knows text manifest versions and hidden measurements', () => {
    expect(compose({ manifest_version: ' 3 ', public_tcbinfo: false, event_log_version: 2 })).toMatchObject({ publicTcbinfo: false, eventLogVersion: 2 });
  });

  it.each([
    [{ manifest_version: 3 }],
    [{ manifest_version: '03' }],
    [{ manifest_version: '4' }],
    [{ manifest_version: undefined }],
    [{ name: undefined }],
    [{ runner: 1 }],
    [{ public_tcbinfo: 'yes' }],
    [{ key_provider: 'other' }],
    [{ key_provider_id: '0x00' }],
    [{ event_log_version: 3 }],
  ])('refuses %j', (value) => {
    expect(() => compose(value)).toThrow(invalid);
  });

  it('refuses what is no JSON object in UTF-8', () => {
    for (const bytes of [Buffer.from('[]'), Buffer.from('{'), Buffer.from([0xff, 0x7b, 0x7d])]) expect(() => parseAppCompose(bytes)).toThrow(malformed);
  });
});

describe('parseSysConfig', () => {
  it('passes the VM configuration through verbatim', () => {
    expect(parseSysConfig('{"vm_config":" {\\"a\\": 1}","kms_urls":["https://k"]}')).toEqual({ vmConfig: ' {"a": 1}', kmsUrls: ['https://k'], mrConfig: '' });
  });
  it.each([
    ['{"vm_config":"{}","mr_config":"own"}', 'own'],
    ['{"vm_config":"{\\"mr_config\\":\\"within\\"}","mr_config":""}', 'within'],
    ['{"vm_config":"{\\"mr_config\\":\\"within\\"}","mr_config":"own"}', 'own'],
    ['{"vm_config":"{\\"mr_config\\":{}}"}', ''],
    ['{"vm_config":"no JSON"}', ''],
  ])('finds mr_config in %s', (text, mrConfig) => {
    expect(parseSysConfig(text)).toMatchObject({ mrConfig });
  });
  it('needs one', () => {
    expect(() => parseSysConfig('{}')).toThrow(invalid);
    expect(() => parseSysConfig('{"vm_config":"","kms_urls":"https://k"}')).toThrow(invalid);
  });
});

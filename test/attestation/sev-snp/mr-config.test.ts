import { describe, expect, it } from 'vitest';
import { keyProviderInfoOf, mrConfigHostData, parseMrConfig } from '../../../src/attestation/sev-snp/mr-config.js';
import { decodeAttestation } from '../../../src/attestation/wire/decode.js';
import { hex, vector } from '../vectors.js';

const minimal = { compose_hash: 'c0'.repeat(32), key_provider: 'kms' };
const malformed = expect.objectContaining({ name: 'VerificationError', code: 'MR_CONFIG_MALFORMED' });

describe('the document HOST_DATA stands for', () => {
  it('hashes to what a host of the existing implementation launches with', () => {
    const { platform } = decodeAttestation(vector('evidence/sev-snp.bin'));
    if (platform.kind !== 'sev-snp') throw new Error('not SEV-SNP');
    expect(hex(mrConfigHostData(platform.mrConfig))).toBe(hex(platform.report.subarray(0xc0, 0xe0)));
  });

  it('hashes as it is spelled', () => {
    expect(hex(mrConfigHostData('{"a":1}'))).not.toBe(hex(mrConfigHostData('{"a": 1}')));
  });

  it('reads every key', () => {
    const document = JSON.stringify({
      ...minimal,
      app_id: 'A0'.repeat(20),
      gpu_policy_hash: '11'.repeat(32),
      init_script_hashes: ['22'.repeat(32)],
      instance_id: '33'.repeat(20),
      key_provider_id: '3059',
      version: 3,
    });
    const config = parseMrConfig(document);
    expect(hex(config.appId)).toBe('a0'.repeat(20));
    expect(hex(config.composeHash)).toBe('c0'.repeat(32));
    expect(hex(config.instanceId)).toBe('33'.repeat(20));
    expect(config.initScriptHashes?.map(hex)).toEqual(['22'.repeat(32)]);
    expect(Buffer.from(keyProviderInfoOf(config)).toString()).toBe('{"name":"kms","id":"3059"}');
  });

  it.each([
    ['none', 'none'],
    ['kms', 'kms'],
    ['local', 'local-sgx'],
    ['tpm', 'tpm'],
  ])('names the key provider %s as events do: %s', (given, name) => {
    expect(parseMrConfig(JSON.stringify({ ...minimal, key_provider: given })).keyProvider).toBe(name);
  });

  it('tells what it does not bind from what it binds to nothing', () => {
    expect(parseMrConfig(JSON.stringify(minimal))).toMatchObject({ appId: new Uint8Array(), instanceId: new Uint8Array(), initScriptHashes: null });
    expect(parseMrConfig(JSON.stringify({ ...minimal, init_script_hashes: [] })).initScriptHashes).toEqual([]);
  });

  it.each<[string, string]>([
    ['text', 'x'],
    ['a list', '[]'],
    ['null', 'null'],
    ['no compose hash', '{"key_provider":"kms"}'],
    ['no key provider', JSON.stringify({ compose_hash: minimal.compose_hash })],
    ['an unknown key provider', JSON.stringify({ ...minimal, key_provider: 'local-sgx' })],
    ['a key provider every object has', JSON.stringify({ ...minimal, key_provider: 'constructor' })],
    ['an unknown key', JSON.stringify({ ...minimal, debug: false })],
    ['a key that is written twice', `{"compose_hash":"${'00'.repeat(32)}",${JSON.stringify(minimal).slice(1)}`],
    ['a key that is written twice, once with an escape', `{"compose\\u005fhash":"${'00'.repeat(32)}",${JSON.stringify(minimal).slice(1)}`],
    ['a nested key', JSON.stringify({ ...minimal, init_script_hashes: [{ x: 1 }] })],
    ['another version', JSON.stringify({ ...minimal, version: 2 })],
    ['an app id of 19 bytes', JSON.stringify({ ...minimal, app_id: 'a0'.repeat(19) })],
    ['an app id that is not hex', JSON.stringify({ ...minimal, app_id: 'zz'.repeat(20) })],
    ['a compose hash of 31 bytes', JSON.stringify({ ...minimal, compose_hash: 'c0'.repeat(31) })],
    ['an instance id of 21 bytes', JSON.stringify({ ...minimal, instance_id: '00'.repeat(21) })],
    ['a GPU policy hash of 1 byte', JSON.stringify({ ...minimal, gpu_policy_hash: '00' })],
    ['six init scripts', JSON.stringify({ ...minimal, init_script_hashes: Array(6).fill('22'.repeat(32)) })],
    ['an init script hash of 31 bytes', JSON.stringify({ ...minimal, init_script_hashes: ['22'.repeat(31)] })],
    ['init scripts that are no list', JSON.stringify({ ...minimal, init_script_hashes: null })],
    ['a number for hex', JSON.stringify({ ...minimal, key_provider_id: 5 })],
    ['an endless provider id', JSON.stringify({ ...minimal, key_provider_id: '00'.repeat(4097) })],
    ['an endless document', `${JSON.stringify(minimal)}${' '.repeat(65_536)}`],
  ])('refuses %s', (_, document) => {
    expect(() => parseMrConfig(document)).toThrow(malformed);
  });
});

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadAgentConfig, parseAgentConfig } from '../../src/config/agent-config.js';

const invalid = expect.objectContaining({ name: 'ConfigError', code: 'CONFIG_INVALID' });

describe('parseAgentConfig', () => {
  it('has the documented defaults', () => {
    const config = parseAgentConfig({}, 'test');
    expect(config.core.keysFile).toBe('/dstack/.host-shared/.appkeys.json');
    expect(config.core.provisioning.source).toBe('auto');
    expect(config.core.evidenceQueue).toEqual({ maxCallers: 64, maxCallersPerPeer: 32, waitMs: 120_000 });
    expect(config.internal).toEqual({ address: { kind: 'unix', path: '/var/run/dstack/dstack.sock' }, port: null, mode: 0o777 });
    expect(config.external).toEqual({ address: { kind: 'tcp', host: '0.0.0.0' }, port: 8090, mode: 0o777, tls: 'off', tlsAltNames: [] });
  });

  it('reads what the shipped unit writes and what the existing agent knows', () => {
    const config = parseAgentConfig(
      {
        default: { workers: 8, max_blocking: 64, temp_dir: '/tmp', core: { data_disks: ['/', '/data'] } },
        internal: { address: 'unix:/tmp/a.sock', reuse: true, mode: '0660' },
        'guest-api': { address: 'vsock:0xffffffff', port: 8000 },
        external: { address: 'vsock:16', port: 9 },
      },
      'test',
    );
    expect(config.core.dataDisks).toEqual(['/', '/data']);
    expect(config.internal?.mode).toBe(0o660);
    expect(config.external?.address).toEqual({ kind: 'vsock', cid: 16 });
  });

  it.each([
    ['an unknown key', { default: { core: { keyfile: 'x' } } }, 'keyfile'],
    ['an unknown profile', { extrenal: {} }, 'extrenal'],
    ['a bad address', { internal: { address: 'nowhere' } }, 'internal.address'],
    ['a queue of the wrong length', { default: { core: { evidence_queue: { max_callers: 4_097 } } } }, 'default.core.evidence_queue.max_callers:'],
    ['an unknown limit', { default: { core: { evidence_queue: { callers: 1 } } } }, 'callers'],
    ['a decimal mode', { internal: { mode: 777 } }, 'internal.mode'],
    ['http for a KMS', { default: { core: { provisioning: { kms_urls: ['http://k'] } } } }, 'kms_urls'],
    ['a short seed', { default: { core: { simulator: { mock_attestation_seed: '00' } } } }, 'mock_attestation_seed'],
    ['development without seed', { default: { core: { platform: 'development' } } }, 'mock_attestation_seed'],
    ['fixture without file', { default: { core: { platform: 'fixture' } } }, 'attestation_file'],
    ['foreign roots without the flag', { default: { core: { root_ca: { tdx: '/x' } } } }, 'insecure_allow_external_trust_anchors'],
  ])('refuses %s and names the key', (_what, value, key) => {
    expect(() => parseAgentConfig(value, 'test')).toThrowError(invalid);
    expect(() => parseAgentConfig(value, 'test')).toThrowError(key);
  });
});

describe('loadAgentConfig', () => {
  it('lets later files win key by key', () => {
    const dir = mkdtempSync(join(tmpdir(), 'agent-config-'));
    const [a, b] = [join(dir, 'a.toml'), join(dir, 'b.json')];
    writeFileSync(a, '[default]\nident = "one"\nkeep_alive = 5\n[default.core]\ndata_disks = ["/a"]\n');
    writeFileSync(b, '{"default":{"ident":"two","core":{"data_disks":["/b"]}}}');
    const config = loadAgentConfig(b, [join(dir, 'absent.toml'), a]);
    expect([config.ident, config.keepAlive, config.core.dataDisks]).toEqual(['two', 5, ['/b']]);
  });
});

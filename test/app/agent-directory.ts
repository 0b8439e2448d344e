import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentConfig, parseAgentConfig } from '../../src/config/agent-config.js';
import { mergeDocuments } from '../../src/config/merge.js';
import { fixtureFile } from '../guest-agent/fixture.js';

/** A directory with everything an agent on the development platform reads, and its sockets. */
export interface AgentDirectory {
  readonly path: string;
  readonly dstackSock: string;
  readonly tappdSock: string;
  readonly keysFile: string;
  /** Configuration of the agent with `change` merged into it. */
  config(change?: Record<string, unknown>): AgentConfig;
  /** The same as a file, for a process of its own; its path. */
  configFile(change?: Record<string, unknown>): string;
  remove(): void;
}

export const SEED = '09'.repeat(32);

export interface DirectoryOptions {
  readonly kmsUrls?: readonly string[];
  /** Merged into app-compose.json. */
  readonly compose?: Record<string, unknown>;
  readonly withKeys?: boolean;
}

export function createAgentDirectory({ kmsUrls = [], compose = {}, withKeys = true }: DirectoryOptions = {}): AgentDirectory {
  const path = mkdtempSync(join(tmpdir(), 'agent-'));
  const at = (name: string): string => join(path, name);
  if (withKeys) writeFileSync(at('keys.json'), fixtureFile('appkeys.json'));
  writeFileSync(at('app-compose.json'), JSON.stringify({ manifest_version: 2, name: 'test-app', runner: 'bash', ...compose }));
  writeFileSync(at('sys-config.json'), JSON.stringify({ kms_urls: kmsUrls, vm_config: JSON.stringify({ os_image_hash: '44'.repeat(32) }) }));
  const document = {
    default: {
      core: {
        keys_file: at('keys.json'),
        compose_file: at('app-compose.json'),
        sys_config_file: at('sys-config.json'),
        platform: 'development',
        simulator: { mock_attestation_seed: SEED },
      },
    },
    internal: { address: `unix:${at('dstack.sock')}`, mode: '0600' },
    'internal-v0': { address: `unix:${at('tappd.sock')}` },
    external: { address: '127.0.0.1', port: 0 },
  };
  return {
    path,
    dstackSock: at('dstack.sock'),
    tappdSock: at('tappd.sock'),
    keysFile: at('keys.json'),
    config: (change = {}) => parseAgentConfig(mergeDocuments(document, change), 'test'),
    configFile(change = {}) {
      writeFileSync(at('agent.json'), JSON.stringify(mergeDocuments(document, change)));
      return at('agent.json');
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

import { join } from 'node:path';
import { parseAgentConfig } from '../config/agent-config.js';
import type { Listener } from '../http/listen/listener.js';
import { type AgentOverrides, createGuestAgentApp } from './guest-agent.js';

/** Options of `dstack simulator`. */
export interface FixtureSimulatorOptions extends Pick<AgentOverrides, 'log' | 'build'> {
  /** Holds `appkeys.json`, `app-compose.json`, `sys-config.json` and `attestation.bin`, as the public simulator's directory does. */
  readonly fixtureDir: string;
  /** Where `dstack.sock`, `tappd.sock` and `external.sock` appear; must exist. */
  readonly listenDir: string;
  /** 32 bytes of hex: sign patched evidence under this seed's development PKI. null (default) leaves its signature broken. */
  readonly seed?: string | null;
}

export interface FixtureSimulator {
  /** Paths of the sockets. */
  readonly sockets: readonly string[];
  /** Lets calls in flight finish, for `graceMs` milliseconds at most. */
  stop(graceMs: number): Promise<void>;
}

/**
 * The Guest Agent on recorded evidence, for tests of clients (spec/guest-agent.md section 12). Keys and
 * certificates are as real as those in the fixture; the evidence is not, and says so nowhere but in its signature.
 * @throws ConfigError for fixture files that cannot be read, VerificationError for a malformed recording
 */
export async function startFixtureSimulator(options: FixtureSimulatorOptions): Promise<FixtureSimulator> {
  const fixture = (name: string): string => join(options.fixtureDir, name);
  const socket = (name: string): string => `unix:${join(options.listenDir, name)}`;
  const config = parseAgentConfig(
    {
      default: {
        ident: 'dstack-node simulator',
        core: {
          keys_file: fixture('appkeys.json'),
          compose_file: fixture('app-compose.json'),
          sys_config_file: fixture('sys-config.json'),
          platform: 'fixture',
          simulator: { attestation_file: fixture('attestation.bin'), mock_attestation_seed: options.seed ?? null },
          provisioning: { source: 'file' },
        },
      },
      internal: { address: socket('dstack.sock') },
      'internal-v0': { address: socket('tappd.sock') },
      external: { address: socket('external.sock') },
    },
    'simulator',
  );
  const { log, build } = options;
  const app = createGuestAgentApp(config, { ...(log === undefined ? {} : { log }), ...(build === undefined ? {} : { build }) });
  const listeners = Object.values(await app.start()) as (Listener | null)[];
  return {
    sockets: listeners.flatMap((listener) => (listener?.address.kind === 'unix' ? [listener.address.path] : [])),
    stop: (graceMs) => app.stop(graceMs),
  };
}

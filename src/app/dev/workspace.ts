import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'smol-toml';
import { developmentGcpPcr0 } from '../../simulator/gcp-firmware.js';
import { DEVELOPMENT_ROOT_FILES, type DevelopmentRootKey, writeDevelopmentRoots } from '../../simulator/roots.js';
import { recordingJson } from '../../attestation/recording.js';
import { vendorAnswers } from '../../simulator/vendor-answers.js';
import { type DevelopmentPlatform, MACHINE_KINDS } from './platforms.js';

/** Where everything of one development system lives; every path absolute. */
export interface Workspace {
  readonly directory: string;
  /** What the guest agent and the KMS's other clients run on. */
  readonly platform: DevelopmentPlatform;
  /** 32 bytes: every development key follows from it. */
  readonly seed: Uint8Array;
  /** What distinguishes the OS image of the applications' machines, 32 bytes. */
  readonly image: Uint8Array;
  /** VM configuration of those machines, JSON. */
  readonly vmConfig: string;
  readonly appId: string;
  readonly composeHash: string;
  readonly kmsPort: number;
  readonly agentPort: number;
  readonly paths: {
    readonly kmsConfig: string;
    readonly agentConfig: string;
    readonly keys: string;
    readonly policy: string;
    readonly collateral: string;
    /** Trust anchors of the development platform, as a `root_ca` table has them. */
    readonly rootCa: Readonly<Record<DevelopmentRootKey, string>>;
    readonly agentSocket: string;
    readonly tappdSocket: string;
    readonly clients: string;
    readonly system: string;
  };
}

/** The application the guest agent runs for. */
const APP_COMPOSE = JSON.stringify(
  { manifest_version: 2, name: 'development-app', runner: 'docker-compose', docker_compose_file: 'services: {}\n', key_provider: 'kms', public_tcbinfo: true },
  null,
  2,
);

/**
 * Writes the files an operator would write for a KMS and a guest agent, plus what stands in for the hardware vendor:
 * seed, roots and collateral of the development platform.
 * @param now unix seconds, dates the collateral
 */
export function createWorkspace(directory: string, ports: { readonly kms: number; readonly agent: number }, now: number, platform: DevelopmentPlatform = 'tdx'): Workspace {
  const workspace = describe(resolve(directory), platform, ports);
  const { paths, seed } = workspace;
  for (const folder of [workspace.directory, paths.clients, join(workspace.directory, 'agent')]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(workspace.directory, 'seed'), Buffer.from(seed).toString('hex'), { mode: 0o600 });
  writeDevelopmentRoots(workspace.directory, seed);
  writeFileSync(paths.collateral, recordingJson(vendorAnswers(seed, { now })));
  writeFileSync(join(workspace.directory, 'images.json'), JSON.stringify(knownImages(workspace), null, 2));
  writeFileSync(join(workspace.directory, 'agent', 'app-compose.json'), APP_COMPOSE);
  writeFileSync(join(workspace.directory, 'agent', 'sys-config.json'), JSON.stringify(systemConfig(workspace), null, 2));
  writeFileSync(paths.kmsConfig, stringify(kmsConfig(workspace)));
  writeFileSync(paths.agentConfig, stringify(agentConfig(workspace)), { mode: 0o600 });
  chmodSync(paths.agentConfig, 0o600);
  return workspace;
}

function describe(directory: string, platform: DevelopmentPlatform, ports: { readonly kms: number; readonly agent: number }): Workspace {
  const composeHash = createHash('sha256').update(APP_COMPOSE).digest('hex');
  const image = createHash('sha256').update('development image').digest();
  const at = (...parts: string[]): string => join(directory, ...parts);
  return {
    directory,
    platform,
    seed: randomBytes(32),
    image,
    vmConfig: JSON.stringify({ ...MACHINE_KINDS[platform].image(image).vmConfig, cpu_count: 1, memory_size: 2147483648 }),
    composeHash,
    appId: composeHash.slice(0, 40),
    kmsPort: ports.kms,
    agentPort: ports.agent,
    paths: {
      kmsConfig: at('kms.toml'),
      agentConfig: at('dstack.toml'),
      keys: at('kms-keys'),
      policy: at('policy.json'),
      collateral: at('collateral.json'),
      rootCa: Object.fromEntries(Object.entries(DEVELOPMENT_ROOT_FILES).map(([key, file]) => [key, at(file)])) as Record<DevelopmentRootKey, string>,
      agentSocket: at('agent', 'dstack.sock'),
      tappdSocket: at('agent', 'tappd.sock'),
      clients: at('clients'),
      system: at('system.json'),
    },
  };
}

/** What an operator registers to have machines told by their launch measurements. */
function knownImages({ platform, image }: Workspace): Record<string, unknown> {
  const { osImageHash, launches } = MACHINE_KINDS[platform].image(image);
  return { [osImageHash]: launches };
}

function systemConfig({ kmsPort, vmConfig }: Workspace): Record<string, unknown> {
  return { kms_urls: [`https://localhost:${kmsPort}`], gateway_urls: [], vm_config: vmConfig };
}

function kmsConfig({ directory, platform, kmsPort, paths }: Workspace): Record<string, unknown> {
  return {
    rpc: { address: '127.0.0.1', port: kmsPort },
    core: {
      cert_dir: paths.keys,
      site_name: 'development',
      image: { verify: true, known_measurements: join(directory, 'images.json'), gcp_pcr0: [Buffer.from(developmentGcpPcr0()).toString('hex')] },
      // The gate is closed unless somebody opens it.
      ...(platform === 'sev-snp' ? { sev_snp_key_release: true } : {}),
      auth_api: { type: 'file', file: { path: paths.policy } },
      onboard: { address: '127.0.0.1', port: kmsPort },
      evidence: { source: 'development', seed_file: join(directory, 'seed') },
      attestation: {
        insecure_allow_external_trust_anchors: true,
        collateral_file: paths.collateral,
        root_ca: paths.rootCa,
      },
    },
  };
}

function agentConfig({ directory, platform, seed, agentPort, paths }: Workspace): Record<string, unknown> {
  return {
    default: {
      log_level: 'warn',
      core: {
        keys_file: join(directory, 'agent', 'appkeys.json'),
        compose_file: join(directory, 'agent', 'app-compose.json'),
        sys_config_file: join(directory, 'agent', 'sys-config.json'),
        platform: 'development',
        simulator: { mock_attestation_seed: Buffer.from(seed).toString('hex'), machine: MACHINE_KINDS[platform].machine },
        provisioning: { source: 'kms' },
        insecure_allow_external_trust_anchors: true,
        root_ca: paths.rootCa,
      },
    },
    internal: { address: `unix:${paths.agentSocket}`, mode: '0600' },
    'internal-v0': { address: `unix:${paths.tappdSocket}`, mode: '0600' },
    external: { address: '127.0.0.1', port: agentPort, tls: 'ra-tls', tls_alt_names: ['localhost', '127.0.0.1'] },
  };
}

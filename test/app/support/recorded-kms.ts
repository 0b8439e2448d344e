import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createKmsApp, type KmsApp } from '../../../src/app/kms.js';
import type { KmsOverrides } from '../../../src/app/kms-services.js';
import { parseKmsConfig } from '../../../src/config/kms-config.js';
import type { ClientIdentity } from './tls-client.js';

const VECTORS = fileURLToPath(new URL('../../vectors/', import.meta.url));

/** When the recorded calls were made, unix seconds. */
export const RECORDED_AT = 1_795_450_000;

export function vectorText(path: string): string {
  return readFileSync(join(VECTORS, path), 'utf8');
}

/** The two halves of a PEM file that holds a certificate and its key. */
export function identityOf(pem: string): NonNullable<ClientIdentity> {
  const blocks = pem.match(/-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----\n/g) ?? [];
  return {
    cert: blocks.filter((block) => block.includes('CERTIFICATE')).join(''),
    key: blocks.filter((block) => block.includes('PRIVATE KEY')).join(''),
  };
}

/** A writable copy of the key directory an existing KMS made. */
export function recordedKeyDirectory(): string {
  const directory = join(mkdtempSync(join(tmpdir(), 'kms-')), 'keys');
  cpSync(join(VECTORS, 'kms/dir'), directory, { recursive: true });
  return directory;
}

/** Evidence of the recordings verifies under these roots only. */
export const RECORDED_TRUST = {
  insecure_allow_external_trust_anchors: true,
  collateral_file: join(VECTORS, 'evidence/collateral.json'),
  root_ca: {
    tdx: join(VECTORS, 'evidence/roots/tdx.pem'),
    aws_nitro_enclave: join(VECTORS, 'evidence/roots/nsm.pem'),
    gcp_tpm: join(VECTORS, 'evidence/roots/tpm.pem'),
    sev_snp_milan: join(VECTORS, 'evidence/roots/sev-snp.pem'),
  },
};

/** The configuration the recorded KMS ran with: development policy, no evidence of its own. `core` is laid over it. */
export function recordedConfig(certDir: string, core: Record<string, unknown> = {}): Parameters<typeof createKmsApp>[0] {
  return parseKmsConfig(
    {
      rpc: { address: '127.0.0.1', port: 0 },
      core: {
        cert_dir: certDir,
        enforce_self_authorization: false,
        attest_rpc_cert: false,
        image: { verify: false },
        auth_api: { type: 'dev' },
        onboard: { address: '127.0.0.1', port: 0 },
        attestation: RECORDED_TRUST,
        ...core,
      },
    },
    'test configuration',
  );
}

export interface RunningKms {
  readonly app: KmsApp;
  readonly port: number;
}

export async function startKms(config: Parameters<typeof createKmsApp>[0], overrides: KmsOverrides = {}): Promise<RunningKms> {
  const app = createKmsApp(config, { clock: () => RECORDED_AT, ...overrides });
  await app.start();
  return { app, port: portOf(app) };
}

export function portOf({ address }: KmsApp): number {
  if (address?.kind !== 'tcp') throw new Error('the KMS does not listen');
  return address.port;
}

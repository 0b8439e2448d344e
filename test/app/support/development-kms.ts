import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { createKmsApp } from '../../../src/app/kms.js';
import { encodeAttestation } from '../../../src/attestation/wire/decode.js';
import { stripForCertificate } from '../../../src/attestation/wire/strip.js';
import { parseKmsConfig } from '../../../src/config/kms-config.js';
import { randomP256Key } from '../../../src/crypto/p256.js';
import { p256KeyFromPem, p256KeyToPem } from '../../../src/crypto/p256-pem.js';
import { certificateReportData } from '../../../src/crypto/report-data.js';
import type { EvidenceSource } from '../../../src/attestation/evidence/evidence-source.js';
import { createDevelopmentNitro, developmentPcrs } from '../../../src/simulator/nitro-platform.js';
import { DEVELOPMENT_ROOT_FILES, writeDevelopmentRoots } from '../../../src/simulator/roots.js';
import { developmentBoot } from '../../../src/simulator/tdx-boot-log.js';
import { createDevelopmentTdx, type DevelopmentTdx, type DevelopmentTdxOptions } from '../../../src/simulator/tdx-platform.js';
import { recordingJson } from '../../../src/attestation/recording.js';
import { vendorAnswers } from '../../../src/simulator/vendor-answers.js';
import { loadCertificateAuthority } from '../../../src/x509/certificate-authority.js';
import { certificatePem } from '../../../src/x509/pem.js';
import { issueRaClient } from '../../../src/x509/profiles/ra-client.js';
import { defaultValidity } from '../../../src/x509/validity.js';
import { type ClientIdentity, TlsClient } from './tls-client.js';

/** Unix seconds; TLS checks certificates at the time of the machine, evidence is checked at this one. */
export const NOW = Math.floor(Date.now() / 1000);
export const clock = (): number => NOW;

export const IMAGE = createHash('sha256').update('image of the test applications').digest();
export const SEED = createHash('sha256').update('seed of the test machines').digest();

export interface Workspace {
  readonly directory: string;
  readonly keys: string;
  readonly policyFile: string;
  /** `core.…` of the configuration; the rest is on any free port of localhost. */
  readonly core: Record<string, unknown>;
}

/** Everything an operator of a development KMS writes before its first start. The policy file is left to the test. */
export function createWorkspace(): Workspace {
  const directory = mkdtempSync(join(tmpdir(), 'dev-kms-'));
  const at = (name: string): string => join(directory, name);
  writeFileSync(at('seed'), `${SEED.toString('hex')}\n`, { mode: 0o600 });
  writeFileSync(at('collateral.json'), recordingJson(vendorAnswers(SEED, { now: NOW })));
  writeFileSync(at('images.json'), JSON.stringify({ [IMAGE.toString('hex')]: [launchMeasurements(IMAGE)] }));
  writeDevelopmentRoots(directory, SEED);
  return {
    directory,
    keys: at('keys'),
    policyFile: at('policy.json'),
    core: {
      cert_dir: at('keys'),
      image: { known_measurements: at('images.json') },
      auth_api: { type: 'file', file: { path: at('policy.json') } },
      onboard: { address: '127.0.0.1', port: 0 },
      evidence: { source: 'development', seed_file: at('seed') },
      attestation: {
        insecure_allow_external_trust_anchors: true,
        collateral_file: at('collateral.json'),
        root_ca: Object.fromEntries(Object.entries(DEVELOPMENT_ROOT_FILES).map(([key, file]) => [key, at(file)])),
      },
    },
  };
}

export function configOf({ core }: Workspace, more: Record<string, unknown> = {}): Parameters<typeof createKmsApp>[0] {
  return parseKmsConfig({ rpc: { address: '127.0.0.1', port: 0 }, core: { ...core, ...more } }, 'test configuration');
}

export function launchMeasurements(image: Uint8Array): Record<'mrtd' | 'rtmr0' | 'rtmr1' | 'rtmr2', string> {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const { mrTd, rtmrs } = developmentBoot(image);
  return { mrtd: hex(mrTd), rtmr0: hex(rtmrs[0]), rtmr1: hex(rtmrs[1]), rtmr2: hex(rtmrs[2]) };
}

export interface TestApp {
  readonly appId: Buffer;
  readonly composeHash: Buffer;
}

export function testApp(name: string): TestApp {
  const composeHash = createHash('sha256').update(name).digest();
  return { composeHash, appId: composeHash.subarray(0, 20) };
}

/** A TDX machine of the seed that runs `app`. */
export function machineOf(app: TestApp, more: Partial<DevelopmentTdxOptions> = {}): DevelopmentTdx {
  const { appId, composeHash } = app;
  const boot = { appId, composeHash, instanceId: Buffer.alloc(20, 0x10), keyProvider: null, storageFs: '' };
  return createDevelopmentTdx({ seed: SEED, clock, app: boot, imageHash: IMAGE, vmConfig: null, ...more });
}

/** A Nitro Enclave of the seed that says it is `app`. */
export function enclaveOf(app: TestApp, pcrs: readonly Uint8Array[] = developmentPcrs(IMAGE)): EvidenceSource {
  return createDevelopmentNitro({ seed: SEED, clock, pcrs, appId: app.appId });
}

/** An RA-TLS client certificate with evidence of `machine`, under the temporary CA of the KMS on `port`. */
export async function attestedIdentity(port: number, machine: EvidenceSource): Promise<NonNullable<ClientIdentity>> {
  const anonymous = new TlsClient(port);
  const tempCa = (await anonymous.call('GetTempCaCert')).json();
  anonymous.close();
  const key = randomP256Key(randomBytes);
  const attestation = encodeAttestation(stripForCertificate(await machine.attest(certificateReportData(key.spki))));
  const ca = loadCertificateAuthority(String(tempCa['temp_ca_cert']), p256KeyFromPem(String(tempCa['temp_ca_key'])));
  return { key: p256KeyToPem(key), cert: certificatePem(issueRaClient({ spki: key.spki, attestation, validity: defaultValidity(NOW) }, ca)) };
}

export async function attestedClient(port: number, machine: EvidenceSource): Promise<TlsClient> {
  return new TlsClient(port, await attestedIdentity(port, machine));
}

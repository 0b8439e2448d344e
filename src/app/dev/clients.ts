import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EvidenceSource } from '../../attestation/evidence/evidence-source.js';
import { osImageHashOf } from '../../attestation/evidence/vm-config.js';
import { encodeAttestation } from '../../attestation/wire/decode.js';
import { stripForCertificate } from '../../attestation/wire/strip.js';
import { randomP256Key } from '../../crypto/p256.js';
import { p256KeyFromPem, p256KeyToPem } from '../../crypto/p256-pem.js';
import { certificateReportData } from '../../crypto/report-data.js';
import { loadCertificateAuthority } from '../../x509/certificate-authority.js';
import { certificatePem } from '../../x509/pem.js';
import { issueRaClient } from '../../x509/profiles/ra-client.js';
import { defaultValidity } from '../../x509/validity.js';
import { createMachine } from '../../simulator/machines.js';
import { MACHINE_KINDS } from './platforms.js';
import type { Workspace } from './workspace.js';

/** PEM files of an RA-TLS client certificate and its key. */
export interface ClientPair {
  readonly cert: string;
  readonly key: string;
}

/** The same as texts, and its SubjectPublicKeyInfo, DER. */
export interface ClientPem extends ClientPair {
  readonly spki: Uint8Array;
}

/** An application that calls the KMS directly. */
export interface ClientApp {
  readonly appId: string;
  readonly composeHash: string;
}

/** Applications besides the guest agent's own, one for each answer a KMS can give. */
export const OTHER_APPS: Readonly<Record<'otherApp' | 'unlisted' | 'declared', ClientApp>> = {
  otherApp: clientApp('another listed application'),
  unlisted: clientApp('an application the policy does not know'),
  declared: clientApp('an application with declared key names'),
};

function clientApp(name: string): ClientApp {
  const composeHash = createHash('sha256').update(name).digest('hex');
  return { composeHash, appId: composeHash.slice(0, 40) };
}

/** Certificate and key of the KMS's temporary CA, PEM; the key is public by design (spec/kms.md section 10). */
export interface TempCaPair {
  readonly cert: string;
  readonly key: string;
}

/** A machine of the workspace's platform that runs `app`, another each time. */
export function machineOf(workspace: Workspace, app: ClientApp): EvidenceSource {
  return createMachine(MACHINE_KINDS[workspace.platform].machine, {
    seed: workspace.seed,
    clock: () => Date.now() / 1000,
    imageHash: osImageHashOf(workspace.vmConfig, { unwrap: false }),
    vmConfig: workspace.vmConfig,
    appId: Buffer.from(app.appId, 'hex'),
    composeHash: Buffer.from(app.composeHash, 'hex'),
    instanceId: randomBytes(20),
    keyProvider: { name: 'kms', id: '' },
    eventVersion: 1,
  }).evidence;
}

/** An RA-TLS client certificate, PEM: a fresh key, evidence of `machine` over it, signed by the temporary CA. */
export async function attestedPair(machine: Pick<EvidenceSource, 'attest'>, tempCa: TempCaPair): Promise<ClientPem> {
  const key = randomP256Key(randomBytes);
  const attestation = encodeAttestation(stripForCertificate(await machine.attest(certificateReportData(key.spki))));
  const ca = loadCertificateAuthority(tempCa.cert, p256KeyFromPem(tempCa.key));
  const certificate = issueRaClient({ spki: key.spki, attestation, validity: defaultValidity(Date.now() / 1000) }, ca);
  return { cert: certificatePem(certificate), key: p256KeyToPem(key), spki: key.spki };
}

/** Writes such a certificate of a machine that runs `app`, and its key. */
export async function writeClient(workspace: Workspace, name: string, app: ClientApp, tempCa: TempCaPair): Promise<ClientPair> {
  const { cert, key } = await attestedPair(machineOf(workspace, app), tempCa);
  const pair = { cert: join(workspace.paths.clients, `${name}.pem`), key: join(workspace.paths.clients, `${name}.key`) };
  writeFileSync(pair.cert, cert);
  writeFileSync(pair.key, key, { mode: 0o600 });
  return pair;
}

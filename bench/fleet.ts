import { randomBytes } from 'node:crypto';
import { encodeAttestation, wireFor } from '../src/attestation/wire/decode.js';
import { stripForCertificate } from '../src/attestation/wire/strip.js';
import { osImageHashOf } from '../src/attestation/evidence/vm-config.js';
import type { Workspace } from '../src/app/dev/workspace.js';
import { randomP256Key } from '../src/crypto/p256.js';
import { p256KeyFromPem, p256KeyToPem } from '../src/crypto/p256-pem.js';
import { certificateReportData } from '../src/crypto/report-data.js';
import { developmentCertificate } from '../src/simulator/development-certificate.js';
import { pckExtension } from '../src/simulator/pck-extension.js';
import { seededKey } from '../src/simulator/seeded-keys.js';
import { createDevelopmentTdxPki, type DevelopmentTdxPki } from '../src/simulator/tdx-pki.js';
import { firstEvents } from '../src/simulator/tdx-platform.js';
import { createDevelopmentQuoter } from '../src/simulator/tdx-quote.js';
import { DevelopmentTrustDomain } from '../src/simulator/trust-domain.js';
import { loadCertificateAuthority } from '../src/x509/certificate-authority.js';
import { NO_DSTACK_EXTENSIONS } from '../src/x509/dstack-extensions.js';
import { issueCertificate } from '../src/x509/issue.js';
import { certificatePem } from '../src/x509/pem.js';
import { issueRaClient } from '../src/x509/profiles/ra-client.js';
import { defaultValidity } from '../src/x509/validity.js';

/** PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/**
 * RA-TLS identities of as many machines, every one a platform of its own: provisioning id, PCK certificate, attestation key and evidence are
 * nobody else's. They have the development root, the collateral and the listed application in common, as a fleet has.
 */
export function fleet(workspace: Workspace, count: number, tempCa: Pair): Pair[] {
  const pki = createDevelopmentTdxPki(workspace.seed);
  const issuer = loadCertificateAuthority(tempCa.cert, p256KeyFromPem(tempCa.key));
  const imageHash = osImageHashOf(workspace.vmConfig, { unwrap: false });
  const app = { appId: Buffer.from(workspace.appId, 'hex'), composeHash: Buffer.from(workspace.composeHash, 'hex'), keyProvider: { name: 'kms' as const, id: '' }, storageFs: '' };
  return Array.from({ length: count }, (_, at) => {
    const domain = machine(pki, at, imageHash);
    for (const event of firstEvents({ app: { ...app, instanceId: randomBytes(20) } })) domain.extend(event);
    const key = randomP256Key(randomBytes);
    const reportData = certificateReportData(key.spki);
    const { runtimeEvents } = domain;
    const attestation = stripForCertificate({
      wire: wireFor(runtimeEvents),
      platform: { kind: 'tdx', ...domain.quoted(reportData) },
      stack: { kind: 'dstack', reportData, runtimeEvents, config: workspace.vmConfig, reportDataPayload: null },
    });
    const certificate = issueRaClient({ spki: key.spki, attestation: encodeAttestation(attestation), validity: defaultValidity(Date.now() / 1000) }, issuer);
    return { cert: certificatePem(certificate), key: p256KeyToPem(key) };
  });
}

/** A trust domain on a platform nobody else has: provisioning id, PCK certificate and attestation key are its own, the CA above them is not. */
export function machine(pki: DevelopmentTdxPki, at: number, imageHash: Uint8Array): DevelopmentTrustDomain {
  const seed = randomBytes(32);
  return new DevelopmentTrustDomain(createDevelopmentQuoter(seed, platformOf(pki, seed, at)), { imageHash });
}

/** As many client certificates of the same CA without evidence: what is left of a storm when there is nothing to verify. */
export function strangers(count: number, tempCa: Pair): Pair[] {
  const issuer = loadCertificateAuthority(tempCa.cert, p256KeyFromPem(tempCa.key));
  const profile = { subject: { organization: null, commonName: 'no evidence' }, subjectAltNames: [], extendedKeyUsage: [], caPathLength: null, dstack: NO_DSTACK_EXTENSIONS };
  return Array.from({ length: count }, () => {
    const key = randomP256Key(randomBytes);
    const certificate = issueCertificate({ ...profile, spki: key.spki, validity: defaultValidity(Date.now() / 1000) }, issuer);
    return { cert: certificatePem(certificate), key: p256KeyToPem(key) };
  });
}

/** The same CA, another machine below it. */
function platformOf(pki: DevelopmentTdxPki, seed: Uint8Array, at: number): DevelopmentTdxPki {
  const pck = seededKey(seed, 'p256', 'tdx-pck');
  const ppid = randomBytes(16);
  const subject = { commonName: 'Development TDX PCK Certificate', key: pck, serial: 5 + (at % 250), isCa: false, extensions: [pckExtension(ppid)] };
  const certificate = developmentCertificate(subject, { commonName: 'Development TDX PCK Platform CA', key: pki.keys.pckCa });
  return { ...pki, ppid, pckChainPem: certificatePem(certificate) + pki.pckCaChainPem, keys: { ...pki.keys, pck } };
}

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { STRICT_POLICY } from '../../src/attestation/appraisal/policy.js';
import type { Attestation } from '../../src/attestation/evidence/attestation.js';
import { createAttestationVerifier } from '../../src/attestation/evidence/attestation-verifier.js';
import { NO_SNP_ROOTS } from '../../src/attestation/trust-roots.js';
import { encodeAttestation } from '../../src/attestation/wire/decode.js';
import { P256Key } from '../../src/crypto/p256.js';
import { certificateReportData } from '../../src/crypto/report-data.js';
import { K256Key } from '../../src/crypto/sign-message.js';
import { AppKeyDeriver } from '../../src/kms/derive-app-keys.js';
import type { RootKeys } from '../../src/kms/root-keys.js';
import { NO_SELF_AUTHORIZATION } from '../../src/kms/self-authorization.js';
import { signCertificate } from '../../src/kms/sign-certificate.js';
import { createDevelopmentNitro, developmentPcrs } from '../../src/simulator/nitro-platform.js';
import { loadCertificateAuthority } from '../../src/x509/certificate-authority.js';
import { parseCertificate } from '../../src/x509/certificate.js';
import { signCsr } from '../../src/x509/csr.js';
import { readAppInfo } from '../../src/x509/dstack-extensions.js';
import { certificatePem, parsePemChain } from '../../src/x509/pem.js';
import { issueRootCa } from '../../src/x509/profiles/root-ca.js';
import { issueTempCa } from '../../src/x509/profiles/temp-ca.js';
import { defaultValidity } from '../../src/x509/validity.js';

const NOW = 1_800_000_000;
const clock = (): number => NOW;
const secret = (name: string): Uint8Array => Uint8Array.from(createHash('sha256').update(name).digest());
const [tmpCaKey, rootCaKey, rpcKey, appKey] = ['tmp', 'root', 'rpc', 'app'].map((name) => new P256Key(secret(name))) as [P256Key, P256Key, P256Key, P256Key];
const keys: RootKeys = {
  tmpCaKey,
  rootCaKey,
  rpcKey,
  k256: new K256Key(secret('k256')),
  tmpCa: loadCertificateAuthority(certificatePem(issueTempCa(tmpCaKey, defaultValidity(NOW))), tmpCaKey),
  rootCa: loadCertificateAuthority(certificatePem(issueRootCa(rootCaKey, defaultValidity(NOW))), rootCaKey),
};

const enclave = createDevelopmentNitro({ seed: secret('seed'), clock, pcrs: developmentPcrs(secret('image')), appId: new Uint8Array(20).fill(7) });
const neverFetched = { getCollateral: () => Promise.reject(new Error('an enclave needs no collateral')) };
const dependencies: Parameters<typeof signCertificate>[1] = {
  self: NO_SELF_AUTHORIZATION,
  verifier: createAttestationVerifier({ roots: { tdx: enclave.root, nitroEnclave: enclave.root, gcpTpm: enclave.root, sevSnp: NO_SNP_ROOTS }, collateral: neverFetched, clock }),
  rules: {
    authorizer: {
      development: true,
      authorizeApp: async () => ({ gatewayAppId: '' }),
      authorizeKms: async () => ({ gatewayAppId: '' }),
      info: () => Promise.reject(new Error('not asked here')),
    },
    appraisal: STRICT_POLICY,
    images: null,
    sevSnpKeyRelease: false,
  },
  deriver: new AppKeyDeriver(keys),
  keys,
  clock,
};
const config = {
  organization: null,
  subject: 'app',
  subjectAltNames: [],
  serverAuth: true,
  clientAuth: false,
  withAttestation: false,
  withAppInfo: true,
  notBefore: null,
  notAfter: null,
};

/** What a KMS certifies of the enclave when its evidence, genuine otherwise, has `embedded` for its configuration. */
async function certified(embedded: (imageHash: string) => string, vmConfig: (imageHash: string) => string): Promise<{ imageHash: string; osImageHash: string; composeHash: string }> {
  const genuine: Attestation = await enclave.attest(certificateReportData(appKey.spki));
  const imageHash = (JSON.parse(genuine.stack.config) as { os_image_hash: string }).os_image_hash;
  const attestation: Attestation = { ...genuine, stack: { ...genuine.stack, config: embedded(imageHash) } };
  const { csr, signature } = signCsr(appKey, config, encodeAttestation(attestation));
  const [leaf = ''] = await signCertificate({ apiVersion: 2, csr, signature, vmConfig: vmConfig(imageHash), requester: null }, dependencies);
  const info = readAppInfo(parseCertificate(parsePemChain(leaf, 1)[0] ?? new Uint8Array()));
  const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
  return { imageHash, osImageHash: hex(info?.osImageHash), composeHash: hex(info?.composeHash) };
}

describe('the app info of a signed certificate', () => {
  const naming = (hash: string): string => JSON.stringify({ os_image_hash: hash });
  const OTHER = 'ee'.repeat(32);

  it.each([
    ['its own', naming, () => ''],
    ['none, the request another', () => '', naming],
    // A whole system configuration is read in two ways; only one of them was judged.
    ['its own, and another in a nested configuration', (hash: string) => JSON.stringify({ os_image_hash: hash, vm_config: naming(OTHER) }), () => ''],
    ['another in a nested configuration, the request its own', () => JSON.stringify({ vm_config: naming(OTHER) }), naming],
  ])('states the image that was admitted, where the evidence names %s', async (_, embedded, vmConfig) => {
    const { imageHash, osImageHash, composeHash } = await certified(embedded, vmConfig);
    expect(osImageHash).toBe(imageHash);
    expect(composeHash).toBe(imageHash);
  });

  it('is not signed at all for evidence that names another image, whatever the request names', async () => {
    const refused = expect.objectContaining({ name: 'AppraisalError', code: 'IMAGE_HASH_MISMATCH' });
    await expect(certified(() => naming(OTHER), () => '')).rejects.toEqual(refused);
    await expect(certified(() => naming(OTHER), naming)).rejects.toEqual(refused);
  });
});

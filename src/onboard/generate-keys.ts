import { randomP256Key } from '../crypto/p256.js';
import { p256KeyToPem } from '../crypto/p256-pem.js';
import { isSecp256k1Scalar } from '../crypto/secp256k1.js';
import { K256Key } from '../crypto/sign-message.js';
import { bootstrapInfoJson, type BootstrapInfo } from '../kms/bootstrap-info.js';
import type { StoredKeySet } from '../kms/key-store.js';
import type { OwnEvidence } from '../kms/own-evidence.js';
import type { RootKeys } from '../kms/root-keys.js';
import { makeRpcCertificate } from '../kms/rpc-certificate.js';
import { loadCertificateAuthority } from '../x509/certificate-authority.js';
import { certificatePem } from '../x509/pem.js';
import { issueRootCa } from '../x509/profiles/root-ca.js';
import { issueTempCa } from '../x509/profiles/temp-ca.js';
import { defaultValidity } from '../x509/validity.js';

const MAX_DRAWS = 8;

/**
 * Fresh root keys with their certificates (spec/kms.md section 7, step 5).
 * @param random gives as many bytes of the operating system's randomness as it is asked for
 * @param now unix seconds
 * @throws KeyMaterialError PRIVATE_KEY_INVALID when `random` is broken
 */
export function generateRootKeys(random: (length: number) => Uint8Array, now: number): RootKeys {
  const validity = defaultValidity(now);
  const tmpCaKey = randomP256Key(random);
  const rootCaKey = randomP256Key(random);
  return {
    tmpCaKey,
    rootCaKey,
    rpcKey: randomP256Key(random),
    k256: randomK256Key(random),
    tmpCa: loadCertificateAuthority(certificatePem(issueTempCa(tmpCaKey, validity)), tmpCaKey),
    rootCa: loadCertificateAuthority(certificatePem(issueRootCa(rootCaKey, validity)), rootCaKey),
  };
}

/** A draw outside the group is drawn again; eight in a row mean a broken source. */
function randomK256Key(random: (length: number) => Uint8Array): K256Key {
  let scalar = random(32);
  for (let draws = 1; draws < MAX_DRAWS && !isSecp256k1Scalar(scalar); draws++) scalar = random(32);
  return new K256Key(scalar);
}

export interface KeySetOptions {
  readonly domain: string;
  /** For the TLS certificate; null for one without attestation. */
  readonly evidence: OwnEvidence | null;
  /** null after auto-bootstrap, which nobody reads an answer of. */
  readonly info: BootstrapInfo | null;
  /** Unix seconds. */
  readonly now: number;
}

/** The set of files that `keys` become. @throws EvidenceSourceError */
export async function storedKeySet(keys: RootKeys, { domain, evidence, info, now }: KeySetOptions): Promise<StoredKeySet> {
  return {
    tmpCaKey: p256KeyToPem(keys.tmpCaKey),
    tmpCaCert: keys.tmpCa.certificatePem,
    rootCaKey: p256KeyToPem(keys.rootCaKey),
    rootCaCert: keys.rootCa.certificatePem,
    rpcKey: p256KeyToPem(keys.rpcKey),
    rpcCert: await makeRpcCertificate({ domain, key: keys.rpcKey, rootCa: keys.rootCa, evidence, now }),
    rootK256Key: keys.k256.scalar,
    rpcDomain: domain,
    bootstrapInfo: info === null ? null : bootstrapInfoJson(info),
  };
}

import { parseCertificate } from '../x509/certificate.js';
import { loadCertificateAuthority } from '../x509/certificate-authority.js';
import type { CertificateAuthority } from '../x509/certificate-authority.js';
import { certificatePem, parsePemChain } from '../x509/pem.js';
import { issueRootCa } from '../x509/profiles/root-ca.js';
import { issueTempCa } from '../x509/profiles/temp-ca.js';
import { defaultValidity } from '../x509/validity.js';
import type { CertificateFile, KeyStore } from './key-store.js';
import type { OwnEvidence } from './own-evidence.js';
import type { RootKeys } from './root-keys.js';
import { makeRpcCertificate } from './rpc-certificate.js';

/** A CA certificate is renewed when it has no more than a year left. */
const RENEW_BEFORE_SECONDS = 365 * 86_400;

export interface RefreshOptions {
  readonly store: KeyStore;
  /** Name in the new TLS certificate. */
  readonly domain: string;
  /** null for a TLS certificate without attestation. */
  readonly evidence: OwnEvidence | null;
  /** Unix seconds. */
  readonly now: number;
}

export interface RefreshedCertificates {
  readonly keys: RootKeys;
  /** PEM. */
  readonly rpcCert: string;
}

/**
 * Certificates of a starting KMS: the TLS certificate is made anew with fresh evidence, CA certificates only when they end
 * within a year; keys never change (spec/kms.md section 9).
 * @throws EvidenceSourceError, KeyStoreError STORE_FAILED
 */
export async function refreshCertificates(keys: RootKeys, { store, domain, evidence, now }: RefreshOptions): Promise<RefreshedCertificates> {
  const validity = defaultValidity(now);
  const renewed = async (ca: CertificateAuthority, file: CertificateFile, issue: typeof issueRootCa): Promise<CertificateAuthority> => {
    if (endOf(ca) > now + RENEW_BEFORE_SECONDS) return ca;
    const pem = certificatePem(issue(ca.key, validity));
    await store.replaceCertificate(file, pem);
    return loadCertificateAuthority(pem, ca.key);
  };
  const rpcCert = await makeRpcCertificate({ domain, key: keys.rpcKey, rootCa: keys.rootCa, evidence, now });
  const rootCa = await renewed(keys.rootCa, 'root-ca.crt', issueRootCa);
  const tmpCa = await renewed(keys.tmpCa, 'tmp-ca.crt', issueTempCa);
  await store.replaceCertificate('rpc.crt', rpcCert);
  return { keys: { ...keys, rootCa, tmpCa }, rpcCert };
}

/** Unix seconds. */
function endOf({ certificatePem: pem }: CertificateAuthority): number {
  const [der] = parsePemChain(pem, 1);
  return parseCertificate(der ?? new Uint8Array()).notAfter;
}

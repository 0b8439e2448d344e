import { encodeAttestation } from '../attestation/wire/decode.js';
import { stripForCertificate } from '../attestation/wire/strip.js';
import type { P256Key } from '../crypto/p256.js';
import { certificateReportData } from '../crypto/report-data.js';
import type { CertificateIssuer } from '../x509/issue.js';
import { certificatePem } from '../x509/pem.js';
import { issueKmsRpc } from '../x509/profiles/kms-rpc.js';
import { defaultValidity } from '../x509/validity.js';
import type { OwnEvidence } from './own-evidence.js';

export interface RpcCertificateRequest {
  readonly domain: string;
  readonly key: P256Key;
  readonly rootCa: CertificateIssuer;
  /** null for a certificate without attestation (`attest_rpc_cert = false`). */
  readonly evidence: OwnEvidence | null;
  /** Unix seconds. */
  readonly now: number;
}

/** PEM of the KMS's TLS certificate with fresh evidence for its key (spec/kms.md section 5). @throws EvidenceSourceError */
export async function makeRpcCertificate({ domain, key, rootCa, evidence, now }: RpcCertificateRequest): Promise<string> {
  const attestation = evidence === null ? null : encodeAttestation(stripForCertificate(await evidence.attest(certificateReportData(key.spki))));
  return certificatePem(issueKmsRpc({ domain, spki: key.spki, attestation, validity: defaultValidity(now) }, rootCa));
}

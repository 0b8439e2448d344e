import { appraise } from '../attestation/appraisal/appraise.js';
import type { AppraisalPolicy } from '../attestation/appraisal/policy.js';
import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import { attestationFromCertificate, verifyCertificateEvidence } from '../attestation/ra-tls/binding.js';
import { AppraisalError } from '../errors/appraisal-error.js';
import { KmsClientError } from '../errors/kms-client-error.js';
import { VerificationError } from '../errors/verification-error.js';
import { type Certificate, parseCertificate } from '../x509/certificate.js';
import { readSpecialUsage, SPECIAL_USAGE } from '../x509/dstack-extensions.js';
import { parsePemChain } from '../x509/pem.js';

export interface KmsServerPolicy {
  readonly verifier: AttestationVerifier;
  readonly appraisal: AppraisalPolicy;
  /** Accept a certificate without attestation; one that is there must hold either way. */
  readonly insecureAllowUnattestedKms: boolean;
}

/**
 * Is this the certificate of an attested KMS? Chain and host name are settled before; this is about what
 * only dstack knows: the usage `kms:rpc`, and evidence bound to the very key of the connection (spec/kms.md section 10).
 * @param der the certificate of the connection
 * @returns its evidence, verified; null where there is none and none is needed
 * @throws KmsClientError KMS_NOT_TRUSTED; CollateralError when the evidence could not be judged
 */
export async function checkKmsServer(der: Uint8Array, policy: KmsServerPolicy): Promise<VerifiedAttestation | null> {
  try {
    const usage = readSpecialUsage(parseCertificate(der));
    if (usage !== SPECIAL_USAGE.kmsRpc) throw notTrusted(usage === null ? 'missing server cert usage' : `Invalid server cert usage: ${usage}`);
    const evidence = attestationFromCertificate(der);
    if (evidence === null) {
      if (!policy.insecureAllowUnattestedKms) throw notTrusted('the KMS certificate carries no attestation');
      return null;
    }
    const verified = await verifyCertificateEvidence(evidence, policy.verifier);
    appraise(verified, policy.appraisal);
    return verified;
  } catch (cause) {
    if (cause instanceof VerificationError || cause instanceof AppraisalError) throw notTrusted('the attestation of the KMS was refused', cause);
    throw cause;
  }
}

/**
 * The SubjectPublicKeyInfo (DER) of a root CA in PEM, which must equal `pin` unless that is null.
 * @throws KmsClientError KMS_NOT_TRUSTED, KMS_ANSWER_INVALID for a root that is no certificate
 */
export function checkRootPin(rootPem: string, pin: Uint8Array | null): Uint8Array {
  const { spki } = rootCertificate(rootPem);
  if (pin === null || Buffer.from(spki).equals(pin)) return Uint8Array.from(spki);
  const texts = [spki, pin].map((key) => Buffer.from(key).toString('hex'));
  throw notTrusted(`Unexpected key provider id: ${texts[0]}, expected: ${texts[1]}`);
}

function rootCertificate(pem: string): Certificate {
  try {
    const [der] = parsePemChain(pem, 1);
    return parseCertificate(der ?? new Uint8Array());
  } catch (cause) {
    throw new KmsClientError('KMS_ANSWER_INVALID', 'the root CA of the KMS is not a certificate', { cause });
  }
}

function notTrusted(message: string, cause?: unknown): KmsClientError {
  return new KmsClientError('KMS_NOT_TRUSTED', message, { cause });
}

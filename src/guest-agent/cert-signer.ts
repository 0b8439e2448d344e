import type { Attestation } from '../attestation/evidence/attestation.js';
import type { P256Key } from '../crypto/p256.js';

/** A certificate an application wants. */
export interface WantedCertificate {
  /** Common name; may be empty. */
  readonly subject: string;
  /** Host names, or IP addresses as text. */
  readonly altNames: readonly string[];
  readonly serverAuth: boolean;
  readonly clientAuth: boolean;
  /** Embed the attestation of the instance, bound to the key. */
  readonly embedQuote: boolean;
  readonly embedAppInfo: boolean;
  /** Unix seconds; null for the signer's default. */
  readonly notBefore: bigint | null;
  readonly notAfter: bigint | null;
}

export interface CertificateRequest extends WantedCertificate {
  readonly key: P256Key;
  /** Full evidence over the key (`ratls-cert`). A hardware quote is only made when the signer asks for it. */
  readonly attest: () => Promise<Attestation>;
}

/** Port: who signs the application's certificates. Here with the application's own CA, or the KMS. */
export interface CertSigner {
  /** PEM certificates, leaf first, root last. @throws ServiceError for what the signer refuses, EvidenceSourceError from `attest` */
  sign(request: CertificateRequest, signal?: AbortSignal): Promise<readonly string[]>;
}

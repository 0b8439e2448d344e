import { KeyMaterialError } from '../crypto/key-error.js';
import type { P256Key } from '../crypto/p256.js';
import { ConfigError } from '../errors/config-error.js';
import { parseCertificate } from './certificate.js';
import type { CertificateIssuer } from './issue.js';
import { subjectNameDer } from './name.js';
import type { SubjectName } from './name.js';
import { SIGNATURE_OID } from './oids.js';
import { parsePemChain } from './pem.js';

/** A CA: its certificate as text and everything needed to issue under it. */
export interface CertificateAuthority extends CertificateIssuer {
  /** PEM text of the certificate, as it was loaded or made. */
  readonly certificatePem: string;
  readonly key: P256Key;
}

/** An issuer of that name and key, for a certificate that does not exist yet (self-signed) or is made at the same time. */
export function issuerOf(subject: SubjectName, key: P256Key): CertificateIssuer {
  return { nameDer: subjectNameDer(subject), signer: checkedSigner(key) };
}

/**
 * The CA of a PEM text with exactly one certificate and its key. Only the subject of the certificate
 * matters for issuing (spec/attestation.md section 9.3).
 * @throws VerificationError for a certificate that cannot be read, ConfigError CONFIG_INVALID when the key is not the certificate's
 */
export function loadCertificateAuthority(certificatePem: string, key: P256Key): CertificateAuthority {
  const [der] = parsePemChain(certificatePem, 1);
  const certificate = parseCertificate(der ?? new Uint8Array(0));
  if (!Buffer.from(certificate.spki).equals(key.spki)) throw new ConfigError('CONFIG_INVALID', 'CA certificate does not match private key');
  return { certificatePem, key, nameDer: certificate.subjectRaw, signer: checkedSigner(key) };
}

/** ECDSA-P256-SHA256; no signature leaves that its own key would not accept. */
function checkedSigner(key: P256Key): CertificateIssuer['signer'] {
  return {
    algorithmOid: SIGNATURE_OID.ecdsaWithSha256,
    sign: (tbs) => {
      const signature = key.sign(tbs);
      if (!key.verify(tbs, signature)) throw new KeyMaterialError('SIGNATURE_SELF_CHECK_FAILED', 'a signature just made does not verify');
      return signature;
    },
  };
}

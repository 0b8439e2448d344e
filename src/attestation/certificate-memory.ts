import { BoundedMap } from '../cache/bounded-map.js';
import { type Certificate, parseCertificate } from '../x509/certificate.js';
import type { SignatureMemory } from '../x509/path.js';
import { isSameKey, type VerifyingKey } from '../x509/verifying-key.js';

/** Bytes a certificate is found by. */
const KEY_LENGTH = 48;
/** Certificates remembered, with their keys at about 4 KiB each. */
const REMEMBERED = { capacity: 256, maxKeyLength: KEY_LENGTH };
/** Largest certificate remembered. AWS makes none above 1 KiB, Intel none above 2 KiB. */
const MAX_LENGTH = 4096;

/** Trust anchors are configuration: read once in a process, with their keys, whoever verifies. */
const anchors = new BoundedMap<Certificate>({ ...REMEMBERED, capacity: 16 });

/**
 * Certificates by their exact bytes, each with the key it was found to be signed by. That a signature verifies under a key
 * stays true for ever; whether the certificate is valid now, revoked, or allowed where it stands is not remembered, so every
 * path is judged anew. Only certificates whose signature was good are kept: nobody without an issuer's key can fill this.
 */
export class CertificateMemory implements SignatureMemory {
  readonly #known = new BoundedMap<Certificate>(REMEMBERED);
  readonly #signedBy = new WeakMap<Certificate, VerifyingKey>();

  /**
   * `parseCertificate`, or what it gave for the same bytes before, whose public key is imported already.
   * @throws VerificationError as `parseCertificate`
   */
  parse(der: Uint8Array): Certificate {
    return find(this.#known, der) ?? find(anchors, der) ?? parseCertificate(alone(der));
  }

  /** The same for a trust anchor, which is configuration and remembered as it is. */
  anchor(der: Uint8Array): Certificate {
    const known = find(anchors, der);
    if (known !== null) return known;
    const anchor = parseCertificate(new Uint8Array(der));
    anchors.set(keyOf(der), anchor);
    return anchor;
  }

  isSignedBy(certificate: Certificate, issuerKey: VerifyingKey): boolean {
    const known = this.#signedBy.get(certificate);
    return known !== undefined && isSameKey(known, issuerKey);
  }

  remember(certificate: Certificate, issuerKey: VerifyingKey): void {
    this.#signedBy.set(certificate, issuerKey);
    if (certificate.raw.length <= MAX_LENGTH) this.#known.set(keyOf(certificate.raw), certificate);
  }
}

/** The bytes without the document they came in, which would be kept with them. */
function alone(der: Uint8Array): Uint8Array {
  return der.length === der.buffer.byteLength ? der : new Uint8Array(der);
}

/** The end of its signature: enough to find it by. Whether it is the same is for all of its bytes to say. */
function keyOf(der: Uint8Array): string {
  const length = Math.min(der.length, KEY_LENGTH);
  return Buffer.from(der.buffer, der.byteOffset + der.length - length, length).toString('latin1');
}

function find(certificates: BoundedMap<Certificate>, der: Uint8Array): Certificate | null {
  const found = certificates.get(keyOf(der));
  return found !== undefined && Buffer.compare(found.raw, der) === 0 ? found : null;
}

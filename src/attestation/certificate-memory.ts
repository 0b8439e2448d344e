import type { KeyObject } from 'node:crypto';
import { BoundedMap } from '../cache/bounded-map.js';
import { type Certificate, parseCertificate } from '../x509/certificate.js';
import type { SignatureMemory } from '../x509/path.js';

/** Certificates remembered, with their keys at about 4 KiB each. AWS makes none above 1 KiB, Intel none above 2 KiB. */
const REMEMBERED = { capacity: 256, maxKeyLength: 4096 };

/** Trust anchors are configuration: read once in a process, with their keys, whoever verifies. */
const anchors = new BoundedMap<Certificate>({ ...REMEMBERED, capacity: 16 });

/**
 * Certificates by their exact bytes, each with the key it was found to be signed by. That a signature verifies under a key
 * stays true for ever; whether the certificate is valid now, revoked, or allowed where it stands is not remembered, so every
 * path is judged anew. Only certificates whose signature was good are kept: nobody without an issuer's key can fill this.
 */
export class CertificateMemory implements SignatureMemory {
  readonly #known = new BoundedMap<Certificate>(REMEMBERED);
  readonly #signedBy = new WeakMap<Certificate, KeyObject>();

  /**
   * `parseCertificate`, or what it gave for the same bytes before, whose public key is imported already.
   * @throws VerificationError as `parseCertificate`
   */
  parse(der: Uint8Array): Certificate {
    const key = keyOf(der);
    // A copy, so that what is kept does not keep the document it came in.
    return this.#known.get(key) ?? anchors.get(key) ?? parseCertificate(new Uint8Array(der));
  }

  /** The same for a trust anchor, which is configuration and remembered as it is. */
  anchor(der: Uint8Array): Certificate {
    return anchors.getOrCreate(keyOf(der), () => parseCertificate(new Uint8Array(der)));
  }

  isSignedBy(certificate: Certificate, issuerKey: KeyObject): boolean {
    const known = this.#signedBy.get(certificate);
    return known !== undefined && (known === issuerKey || known.equals(issuerKey));
  }

  remember(certificate: Certificate, issuerKey: KeyObject): void {
    this.#signedBy.set(certificate, issuerKey);
    this.#known.set(keyOf(certificate.raw), certificate);
  }
}

function keyOf(der: Uint8Array): string {
  return Buffer.from(der.buffer, der.byteOffset, der.length).toString('latin1');
}

import { decodePem, encodePem, PemError } from '../crypto/pem.js';
import { VerificationError } from '../errors/verification-error.js';

/** A certificate's PEM text: LF line ends, 64 columns, a trailing newline. */
export function certificatePem(der: Uint8Array): string {
  return encodePem('CERTIFICATE', der);
}

/**
 * DER of the certificates in `pem`, in order; at least one, at most `maxCount`.
 * @throws VerificationError CERTIFICATE_MALFORMED
 */
export function parsePemChain(pem: string, maxCount: number): Uint8Array[] {
  try {
    return decodePem(pem, 'CERTIFICATE', maxCount);
  } catch (cause) {
    if (cause instanceof PemError) throw new VerificationError('CERTIFICATE_MALFORMED', 'the certificate chain is not PEM', { cause });
    throw cause;
  }
}

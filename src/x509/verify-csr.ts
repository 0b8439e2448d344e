import { children, DerError, expectTag, oidText, readDer, TAG } from '../crypto/der.js';
import { KeyMaterialError } from '../crypto/key-error.js';
import { verifyP256 } from '../crypto/p256.js';
import { invalidArgument } from '../errors/service-error.js';
import type { ServiceError } from '../errors/service-error.js';
import { CSR_CONFIRM } from './csr.js';
import type { CertificateRequest } from './csr.js';

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';

/**
 * Checks that whoever holds the key in `request` asked for exactly this: `signature` (ECDSA-P256-SHA256, DER)
 * over `bytes`, the request's encoding, and the confirming words (spec/kms.md section 6).
 * @throws ServiceError INVALID_ARGUMENT "Failed to verify csr signature: …"
 */
export function verifyCsr(bytes: Uint8Array, request: CertificateRequest, signature: Uint8Array): void {
  assertEcKey(request.spki);
  if (!isSignedBy(request.spki, bytes, signature)) throw refused('Invalid signature');
  if (request.confirm !== CSR_CONFIRM) throw refused('Invalid confirm word');
}

function assertEcKey(spki: Uint8Array): void {
  if (keyType(spki) !== EC_PUBLIC_KEY) throw refused('Unsupported algorithm');
}

function keyType(spki: Uint8Array): string {
  try {
    const [algorithm, key] = children(readDer(spki, TAG.sequence), 2);
    expectTag(key, TAG.bitString);
    return oidText(expectTag(children(expectTag(algorithm, TAG.sequence), 2)[0], TAG.oid));
  } catch (cause) {
    if (cause instanceof DerError) throw refused('Failed to parse pubkey', cause);
    throw cause;
  }
}

function isSignedBy(spki: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verifyP256(spki, bytes, signature);
  } catch (cause) {
    if (cause instanceof KeyMaterialError) throw refused('Failed to parse pubkey', cause);
    throw cause;
  }
}

function refused(reason: string, cause?: unknown): ServiceError {
  return invalidArgument(`Failed to verify csr signature: ${reason}`, { cause });
}

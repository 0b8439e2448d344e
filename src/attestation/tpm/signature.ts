import { verify } from 'node:crypto';
import { P256PublicKey } from '../../crypto/p256-public-key.js';
import { VerificationError } from '../../errors/verification-error.js';
import type { VerifyingKey } from '../../x509/verifying-key.js';
import { TpmReader } from './reader.js';

const TPM_ALG_SHA256 = 0x000b;
const TPM_ALG_RSASSA = 0x0014;
const TPM_ALG_ECDSA = 0x0018;

/** Signature of the largest RSA key used, and the authorisation area some callers leave behind it. */
const MAX_SIGNATURE_BYTES = 1024;
const MAX_RSA_BYTES = 512;
const COORDINATE_BYTES = 32;

/**
 * Is this TPMT_SIGNATURE (TPM 2.0 Library Part 2, section 11.3.4) the key's over `message`? RSASSA-PKCS1-v1_5 or ECDSA on
 * P-256, with SHA-256. Bytes after it are tolerated: evidence in circulation carries the five of the response's
 * authorisation area (trap T15).
 * @throws VerificationError TPM_SIGNATURE_MALFORMED, TPM_SIGNATURE_ALGORITHM_UNSUPPORTED, TPM_AK_KEY_UNSUPPORTED, TPM_SIGNATURE_INVALID
 */
export function checkTpmSignature(key: VerifyingKey, message: Uint8Array, signature: Uint8Array): void {
  if (signature.length > MAX_SIGNATURE_BYTES) throw new VerificationError('TPM_SIGNATURE_MALFORMED', `TPM signature of ${signature.length} bytes, at most ${MAX_SIGNATURE_BYTES}`);
  const reader = new TpmReader(signature, 'TPM_SIGNATURE_MALFORMED', 'TPM signature');
  const algorithm = reader.u16();
  if (algorithm !== TPM_ALG_RSASSA && algorithm !== TPM_ALG_ECDSA) throw unsupported(`algorithm 0x${algorithm.toString(16)} is neither RSASSA nor ECDSA`);
  if (reader.u16() !== TPM_ALG_SHA256) throw unsupported('its hash is not SHA-256');
  assertKeyFor(algorithm, key);
  const valid =
    key instanceof P256PublicKey
      ? key.verify('sha256', message, { bytes: Buffer.concat([coordinate(reader, 'r'), coordinate(reader, 's')]), encoding: 'ieee-p1363' })
      : verify('sha256', message, key, reader.sized(MAX_RSA_BYTES, 'RSA signature'));
  if (!valid) throw new VerificationError('TPM_SIGNATURE_INVALID', 'the signature of the TPM quote is invalid');
}

/** The algorithm is chosen by the certified key, never by the signature alone. */
function assertKeyFor(algorithm: number, key: VerifyingKey): void {
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new VerificationError('TPM_AK_KEY_UNSUPPORTED', 'the attestation key is on another curve than P-256');
  }
  if (key.asymmetricKeyType !== (algorithm === TPM_ALG_RSASSA ? 'rsa' : 'ec')) throw unsupported('it is not of the attestation key\'s kind');
}

/** A TPM pads both to the size of the curve (TPM 2.0 Library Part 1, annex C.8). */
function coordinate(reader: TpmReader, name: string): Uint8Array {
  const value = reader.sized(COORDINATE_BYTES, name);
  if (value.length === COORDINATE_BYTES) return value;
  throw new VerificationError('TPM_SIGNATURE_MALFORMED', `TPM signature: ${name} of ${value.length} bytes, not ${COORDINATE_BYTES}`);
}

function unsupported(detail: string): VerificationError {
  return new VerificationError('TPM_SIGNATURE_ALGORITHM_UNSUPPORTED', `TPM signature: ${detail}`);
}

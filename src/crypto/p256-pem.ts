import { bitStringBytes, children, DerError, expectTag, oidText, readDer, TAG } from './der.js';
import type { DerNode } from './der.js';
import { KeyMaterialError } from './key-error.js';
import { P256Key } from './p256.js';
import { decodePem, encodePem, PemError } from './pem.js';

const LABEL = 'PRIVATE KEY';
const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const PRIME256V1 = '1.2.840.10045.3.1.7';

/** PKCS#8 PEM of a P-256 key: LF line ends, 64 columns, a trailing newline. Secret. */
export function p256KeyToPem(key: P256Key): string {
  return encodePem(LABEL, key.pkcs8);
}

/**
 * The P-256 key in a PKCS#8 PEM text ("PRIVATE KEY", RFC 5958) with or without its public key.
 * @throws KeyMaterialError PRIVATE_KEY_INVALID when it is anything else, or the public key inside is another's
 */
export function p256KeyFromPem(pem: string): P256Key {
  try {
    const [der] = decodePem(pem, LABEL, 1);
    return fromPkcs8(readDer(der ?? new Uint8Array(0), TAG.sequence));
  } catch (cause) {
    if (cause instanceof PemError || cause instanceof DerError) throw invalid('not a PKCS#8 P-256 private key', cause);
    throw cause;
  }
}

/** PrivateKeyInfo ::= SEQUENCE { version, algorithm, privateKey OCTET STRING, [0] attributes OPTIONAL, [1] publicKey OPTIONAL } */
function fromPkcs8(info: DerNode): P256Key {
  const [version, algorithm, wrapped] = children(info, 5);
  if ((expectTag(version, TAG.integer).value[0] ?? 2) > 1) throw invalid('unknown PKCS#8 version');
  const [type, curve] = children(expectTag(algorithm, TAG.sequence), 2);
  if (oidText(expectTag(type, TAG.oid)) !== EC_PUBLIC_KEY || oidText(expectTag(curve, TAG.oid)) !== PRIME256V1) throw invalid('not a P-256 private key');
  return fromEcPrivateKey(readDer(expectTag(wrapped, TAG.octetString).value, TAG.sequence));
}

/** ECPrivateKey ::= SEQUENCE { version 1, privateKey OCTET STRING, [0] parameters OPTIONAL, [1] publicKey OPTIONAL } (RFC 5915) */
function fromEcPrivateKey(node: DerNode): P256Key {
  const [version, scalar, ...optional] = children(node, 4);
  if (expectTag(version, TAG.integer).value[0] !== 1) throw invalid('unknown EC private key version');
  const key = new P256Key(expectTag(scalar, TAG.octetString).value.slice());
  const publicKey = optional.find(({ tag }) => tag === 0xa1);
  if (publicKey !== undefined && !Buffer.from(bitStringBytes(readDer(publicKey.value))).equals(key.point)) throw invalid('the public key inside is of another key');
  return key;
}

function invalid(message: string, cause?: unknown): KeyMaterialError {
  return new KeyMaterialError('PRIVATE_KEY_INVALID', message, { cause });
}

import { bitStringBytes, children, DerError, expectTag, oidText, readDer, TAG, unixTime } from '../crypto/der.js';
import type { DerNode } from '../crypto/der.js';
import { VerificationError } from '../errors/verification-error.js';

/** One X.509 extension: `value` is the content of extnValue, itself DER of the extension's own type. */
export interface CertificateExtension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** A decoded X.509 v3 certificate, nothing about it verified. All byte fields are views into `raw`. */
export interface Certificate {
  /** The whole certificate, DER. */
  readonly raw: Uint8Array;
  /** TBSCertificate, DER: what the signature covers. */
  readonly tbs: Uint8Array;
  /** Content octets of the serial number, big-endian two's complement. */
  readonly serial: Uint8Array;
  /** Name, DER. */
  readonly issuerRaw: Uint8Array;
  /** Name, DER. */
  readonly subjectRaw: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** Unix seconds. */
  readonly notBefore: number;
  /** Unix seconds. */
  readonly notAfter: number;
  /** By dotted OID. */
  readonly extensions: ReadonlyMap<string, CertificateExtension>;
  readonly signatureAlgorithmOid: string;
  /** AlgorithmIdentifier, DER, with its parameters (RSASSA-PSS needs them). */
  readonly signatureAlgorithmRaw: Uint8Array;
  /** Content of the signature BIT STRING. */
  readonly signature: Uint8Array;
}

const MAX_CERTIFICATE_LENGTH = 1 << 20;
const MAX_EXTENSIONS = 64;
const MAX_SERIAL_LENGTH = 32;

/**
 * Decodes one DER certificate of at most 1 MiB (RFC 5280 section 4.1): version 3, no unique identifiers,
 * the same algorithm inside and outside. Judges neither signature, time, names nor extension contents.
 * @throws VerificationError CERTIFICATE_MALFORMED, CERTIFICATE_VERSION_UNSUPPORTED, EXTENSION_DUPLICATE
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > MAX_CERTIFICATE_LENGTH) throw malformed(`certificate of ${der.length} bytes, at most ${MAX_CERTIFICATE_LENGTH}`);
  try {
    return decode(der);
  } catch (cause) {
    if (cause instanceof DerError) throw malformed('the certificate is malformed', cause);
    throw cause;
  }
}

function decode(der: Uint8Array): Certificate {
  const outer = children(readDer(der, TAG.sequence), 3);
  const tbs = expectTag(outer[0], TAG.sequence);
  const algorithm = expectTag(outer[1], TAG.sequence);
  const signature = bitStringBytes(expectTag(outer[2], TAG.bitString));
  const [version, serial, innerAlgorithm, issuer, validity, subject, spki, extensions, ...rest] = children(tbs, 8);
  if (rest.length > 0) throw malformed('unexpected element');
  assertVersion3(version);
  if (!sameBytes(expectTag(innerAlgorithm, TAG.sequence).raw, algorithm.raw)) throw malformed('two different signature algorithms');
  const [notBefore, notAfter] = times(expectTag(validity, TAG.sequence));
  return {
    raw: der,
    tbs: tbs.raw,
    serial: serialNumber(expectTag(serial, TAG.integer).value),
    issuerRaw: expectTag(issuer, TAG.sequence).raw,
    subjectRaw: expectTag(subject, TAG.sequence).raw,
    spki: expectTag(spki, TAG.sequence).raw,
    notBefore,
    notAfter,
    extensions: extensions === undefined ? new Map() : extensionMap(expectTag(extensions, 0xa3)),
    signatureAlgorithmOid: oidText(expectTag(children(algorithm, 2)[0], TAG.oid)),
    signatureAlgorithmRaw: algorithm.raw,
    signature,
  };
}

function assertVersion3(node: DerNode | undefined): void {
  if (node?.tag !== 0xa0) throw new VerificationError('CERTIFICATE_VERSION_UNSUPPORTED', 'the certificate is not X.509 version 3');
  const { value } = readDer(node.value, TAG.integer);
  if (value.length !== 1 || value[0] !== 2) throw new VerificationError('CERTIFICATE_VERSION_UNSUPPORTED', 'the certificate is not X.509 version 3');
}

function serialNumber(value: Uint8Array): Uint8Array {
  if (value.length === 0 || value.length > MAX_SERIAL_LENGTH) throw malformed(`serial number of ${value.length} bytes`);
  return value;
}

function times(validity: DerNode): readonly [notBefore: number, notAfter: number] {
  const [notBefore, notAfter] = children(validity, 2);
  if (notBefore === undefined || notAfter === undefined) throw malformed('validity without two times');
  return [unixTime(notBefore), unixTime(notAfter)];
}

function extensionMap(wrapper: DerNode): ReadonlyMap<string, CertificateExtension> {
  const found = new Map<string, CertificateExtension>();
  for (const node of children(readDer(wrapper.value, TAG.sequence), MAX_EXTENSIONS)) {
    const parts = children(expectTag(node, TAG.sequence), 3);
    const oid = oidText(expectTag(parts[0], TAG.oid));
    if (found.has(oid)) throw new VerificationError('EXTENSION_DUPLICATE', `extension ${oid} appears twice`);
    const critical = parts.length === 3 && isTrue(expectTag(parts[1], TAG.boolean));
    found.set(oid, { critical, value: expectTag(parts[parts.length === 3 ? 2 : 1], TAG.octetString).value });
  }
  return found;
}

function isTrue({ value }: DerNode): boolean {
  if (value.length !== 1 || (value[0] !== 0 && value[0] !== 0xff)) throw malformed('a boolean is neither true nor false');
  return value[0] === 0xff;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function malformed(message: string, cause?: unknown): VerificationError {
  return new VerificationError('CERTIFICATE_MALFORMED', message, { cause });
}

import { bitStringBytes, children, DerError, expectTag, oidText, readDer, readTlv, TAG, unixTime } from '../crypto/der.js';
import type { DerNode } from '../crypto/der.js';
import { VerificationError } from '../errors/verification-error.js';
import { parseIssuingDistributionPoint } from './issuing-distribution-point.js';
import type { IssuingDistributionPoint } from './issuing-distribution-point.js';

/** A parsed X.509 v2 CRL, its signature not yet checked. Byte fields are views into the input. */
export interface RevocationList {
  readonly raw: Uint8Array;
  /** What the signature covers. */
  readonly tbs: Uint8Array;
  readonly signatureAlgorithmOid: string;
  /** Content of the signature BIT STRING. */
  readonly signature: Uint8Array;
  readonly issuerRaw: Uint8Array;
  /** Unix seconds. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Grows with every list of its issuer (RFC 5280 section 5.2.3); null when the list has none. */
  readonly number: bigint | null;
  /** Keys made by `serialKey`. */
  readonly revokedSerials: ReadonlySet<string>;
  readonly issuingDistributionPoint: IssuingDistributionPoint | null;
}

const MAX_CRL_LENGTH = 4 << 20;
const MAX_ENTRIES = 1 << 16;
const MAX_EXTENSIONS = 32;

const OID = { crlNumber: '2.5.29.20', authorityKeyId: '2.5.29.35', issuingDistributionPoint: '2.5.29.28', deltaIndicator: '2.5.29.27' };
const ENTRY_OID = { reason: '2.5.29.21', invalidityDate: '2.5.29.24', certificateIssuer: '2.5.29.29' };

/** A serial number as a set key: its octets without leading zeros, so that two encodings of one number meet. */
export function serialKey(serial: Uint8Array): string {
  return serialText(Buffer.from(serial.buffer, serial.byteOffset, serial.length), 0, serial.length);
}

function serialText(bytes: Buffer, from: number, end: number): string {
  let start = from;
  while (start < end - 1 && bytes[start] === 0) start++;
  return bytes.toString('latin1', start, end);
}

/**
 * Parses a revocation list of RFC 5280 section 5: version 2, with nextUpdate and extensions, complete
 * (not delta), direct, for all reasons. thisUpdate is not judged (spec/attestation.md section 6.4).
 * @throws VerificationError CRL_MALFORMED
 */
export function parseCrl(der: Uint8Array): RevocationList {
  if (der.length > MAX_CRL_LENGTH) throw malformed(`${der.length} bytes, at most ${MAX_CRL_LENGTH}`);
  try {
    return parseCertificateList(der);
  } catch (cause) {
    if (cause instanceof DerError) throw new VerificationError('CRL_MALFORMED', 'the revocation list is malformed', { cause });
    throw cause;
  }
}

function parseCertificateList(der: Uint8Array): RevocationList {
  const [tbs, algorithm, signature, ...rest] = children(readDer(der, TAG.sequence), 3);
  if (rest.length > 0) throw malformed('unexpected element');
  const signatureAlgorithm = algorithmOid(algorithm);
  const fields = children(expectTag(tbs, TAG.sequence), 7);
  const [version, innerAlgorithm, issuer, thisUpdate, nextUpdate, ...optional] = fields;
  const versionValue = expectTag(version, TAG.integer).value;
  if (versionValue.length !== 1 || versionValue[0] !== 1) throw malformed('not version 2');
  if (algorithmOid(innerAlgorithm) !== signatureAlgorithm) throw malformed('two different signature algorithms');
  if (thisUpdate === undefined || nextUpdate === undefined) throw malformed('no nextUpdate');
  const revoked = optional[0]?.tag === TAG.sequence ? optional.shift() : undefined;
  const [extensions, ...unexpected] = optional;
  if (unexpected.length > 0) throw malformed('unexpected element');
  const { number, issuingDistributionPoint } = readCrlExtensions(expectTag(extensions, 0xa0));
  return {
    raw: der,
    tbs: expectTag(tbs, TAG.sequence).raw,
    signatureAlgorithmOid: signatureAlgorithm,
    signature: bitStringBytes(expectTag(signature, TAG.bitString)),
    issuerRaw: expectTag(issuer, TAG.sequence).raw,
    thisUpdate: unixTime(thisUpdate),
    nextUpdate: unixTime(nextUpdate),
    revokedSerials: revoked === undefined ? new Set() : readRevoked(revoked),
    number,
    issuingDistributionPoint,
  };
}

function readCrlExtensions(wrapper: DerNode): Pick<RevocationList, 'number' | 'issuingDistributionPoint'> {
  let point: IssuingDistributionPoint | null = null;
  let number: bigint | null = null;
  for (const { oid, critical, value } of readExtensions(readDer(wrapper.value, TAG.sequence))) {
    if (oid === OID.deltaIndicator) throw malformed('a delta list');
    if (oid === OID.issuingDistributionPoint) point = parseIssuingDistributionPoint(value);
    else if (oid === OID.crlNumber) number = crlNumber(value);
    else if (critical && oid !== OID.authorityKeyId) throw malformed(`unknown critical extension ${oid}`);
  }
  return { number, issuingDistributionPoint: point };
}

/** At most 20 octets (RFC 5280 section 5.2.3), and one for the sign. */
function crlNumber(value: Uint8Array): bigint {
  const octets = readDer(value, TAG.integer).value;
  if (octets.length === 0 || octets.length > 21 || (octets[0] ?? 0) > 0x7f) throw malformed('the number is not that of a revocation list');
  return BigInt(`0x${Buffer.from(octets).toString('hex')}`);
}

/** Entry after entry where it lies: a list may have tens of thousands. */
function readRevoked({ bytes, contentStart, end }: DerNode): ReadonlySet<string> {
  const serials = new Set<string>();
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  /** Of an entry before: most entries of a list have the same, which are then looked at once. */
  let accepted: DerNode | null = null;
  let count = 0;
  for (let at = contentStart; at < end; count++) {
    if (count >= MAX_ENTRIES) throw malformed(`more than ${MAX_ENTRIES} entries`);
    const entry = expectTag(readTlv(bytes, at, end), TAG.sequence);
    const serial = expectTag(readTlv(bytes, entry.contentStart, entry.end), TAG.integer);
    const date = readTlv(bytes, serial.end, entry.end);
    unixTime(date);
    if (date.end < entry.end) {
      const extensions = expectTag(readTlv(bytes, date.end, entry.end), TAG.sequence);
      if (extensions.end !== entry.end) throw malformed('unexpected element in an entry');
      if (accepted === null || buffer.compare(buffer, accepted.start, accepted.end, extensions.start, extensions.end) !== 0) checkEntryExtensions(extensions);
      accepted = extensions;
    }
    serials.add(serialText(buffer, serial.contentStart, serial.end));
    at = entry.end;
  }
  return serials;
}

function checkEntryExtensions(extensions: DerNode): void {
  for (const { oid, critical } of readExtensions(extensions)) {
    // Entries of other issuers make the list indirect, whatever its distribution point says.
    if (oid === ENTRY_OID.certificateIssuer) throw malformed('an indirect list');
    if (critical && oid !== ENTRY_OID.reason && oid !== ENTRY_OID.invalidityDate) throw malformed(`unknown critical entry extension ${oid}`);
  }
}

function readExtensions(list: DerNode): { oid: string; critical: boolean; value: Uint8Array }[] {
  const seen = new Set<string>();
  return children(list, MAX_EXTENSIONS).map((extension) => {
    const parts = children(expectTag(extension, TAG.sequence), 3);
    const oid = oidText(expectTag(parts[0], TAG.oid));
    if (seen.has(oid)) throw malformed(`extension ${oid} appears twice`);
    seen.add(oid);
    const flag = parts.length === 3 ? expectTag(parts[1], TAG.boolean).value : null;
    if (flag !== null && flag.length !== 1) throw malformed(`extension ${oid} has a malformed criticality`);
    return { oid, critical: flag !== null && flag[0] !== 0, value: expectTag(parts.at(-1), TAG.octetString).value };
  });
}

function algorithmOid(node: DerNode | undefined): string {
  return oidText(expectTag(children(expectTag(node, TAG.sequence), 2)[0], TAG.oid));
}

function malformed(detail: string): VerificationError {
  return new VerificationError('CRL_MALFORMED', `revocation list: ${detail}`);
}

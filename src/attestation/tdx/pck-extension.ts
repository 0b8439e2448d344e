import { children, expectTag, readDer, TAG } from '../../crypto/der.js';
import type { DerNode } from '../../crypto/der.js';
import { oid } from '../../crypto/der-write.js';
import { VerificationError } from '../../errors/verification-error.js';

/** Intel's SGX extension of a PCK certificate (Intel SGX PCK Certificate and CRL Profile Specification). */
export const PCK_EXTENSION_OID = '1.2.840.113741.1.13.1';

/** What a PCK certificate says about its platform. Byte fields are views into the certificate. */
export interface PckExtension {
  /** Platform provisioning id, 16 bytes. */
  readonly ppid: Uint8Array;
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array;
  /** 0 to 65535. */
  readonly pceSvn: number;
  /** 2 bytes. */
  readonly pceId: Uint8Array;
  /** Family, model, stepping and platform type, 6 bytes. */
  readonly fmspc: Uint8Array;
}

/** The CA a PCK certificate came from; it selects the revocation list. */
export type PckCa = 'processor' | 'platform';

/** Octets of the object identifier that every entry's begins with. */
const PREFIX = Buffer.from(readDer(oid(PCK_EXTENSION_OID)).value);

/** Entries by the one or two arcs after that, each one octet: this is read for every quote, and dotted text takes ten times as long. */
const ENTRY = { ppid: 1, tcb: 2, pceSvn: 0x211, cpuSvn: 0x212, pceId: 3, fmspc: 4, sgxType: 5 } as const;

/** More than the extension of any platform has (the TCB alone has 18). */
const MAX_ENTRIES = 64;

/**
 * Reads the value of the extension (the DER inside its OCTET STRING). Of entries with the same object
 * identifier the first counts (spec/attestation.md section 6.2).
 * @throws VerificationError PCK_EXTENSION_MALFORMED
 */
export function parsePckExtension(value: Uint8Array): PckExtension {
  try {
    const entries = readEntries(readDer(value, TAG.sequence));
    const tcb = readEntries(entry(entries, ENTRY.tcb, TAG.sequence));
    entry(entries, ENTRY.sgxType, TAG.enumerated);
    return {
      ppid: octets(entries, ENTRY.ppid, 16),
      cpuSvn: octets(tcb, ENTRY.cpuSvn, 16),
      pceSvn: smallInteger(entry(tcb, ENTRY.pceSvn, TAG.integer)),
      pceId: octets(entries, ENTRY.pceId, 2),
      fmspc: octets(entries, ENTRY.fmspc, 6),
    };
  } catch (cause) {
    if (cause instanceof VerificationError) throw cause;
    throw new VerificationError('PCK_EXTENSION_MALFORMED', 'the SGX extension of the PCK certificate is malformed', { cause });
  }
}

/** CA class by the issuer's name, as Intel names its two PCK CAs; processor when it names neither. */
export function pckCaOf(issuerRaw: Uint8Array): PckCa {
  // Names are printable text inside DER, so a search over the bytes finds them wherever they stand.
  const text = Buffer.from(issuerRaw.buffer, issuerRaw.byteOffset, issuerRaw.byteLength).toString('latin1');
  return !text.includes('Processor') && text.includes('Platform') ? 'platform' : 'processor';
}

function readEntries(node: DerNode): ReadonlyMap<number, DerNode> {
  const entries = new Map<number, DerNode>();
  for (const child of children(node, MAX_ENTRIES)) {
    const [name, value, ...rest] = children(expectTag(child, TAG.sequence), 3);
    if (name === undefined || value === undefined || rest.length > 0) throw malformed('an entry is not a pair');
    const key = entryKey(expectTag(name, TAG.oid).value);
    if (key !== null && !entries.has(key)) entries.set(key, value);
  }
  return entries;
}

function entry(entries: ReadonlyMap<number, DerNode>, key: number, tag: number): DerNode {
  const node = entries.get(key);
  if (node === undefined) throw malformed(`entry ${nameOf(key)} is missing`);
  return expectTag(node, tag);
}

function octets(entries: ReadonlyMap<number, DerNode>, key: number, length: number): Uint8Array {
  const { value } = entry(entries, key, TAG.octetString);
  if (value.length !== length) throw malformed(`entry ${nameOf(key)} has ${value.length} bytes instead of ${length}`);
  return value;
}

/** PCESVN: one or two content octets, big-endian. */
function smallInteger({ value }: DerNode): number {
  const [high, low] = value.length === 1 ? [0, value[0]] : [value[0], value[1]];
  if (value.length > 2 || high === undefined || low === undefined) throw malformed(`PCESVN has ${value.length} octets`);
  return high * 256 + low;
}

/** null for an object identifier of another shape, which is none of the entries. */
function entryKey(type: Uint8Array): number | null {
  if (!PREFIX.every((octet, i) => octet === type[i])) return null;
  const [first = 0, second] = [type[PREFIX.length], type[PREFIX.length + 1]];
  if (type.length > PREFIX.length + 2) return null;
  return second === undefined ? first : first * 0x100 + second;
}

function nameOf(key: number): string {
  return Object.entries(ENTRY).find(([, known]) => known === key)?.[0] ?? '';
}

function malformed(detail: string): VerificationError {
  return new VerificationError('PCK_EXTENSION_MALFORMED', `SGX extension of the PCK certificate: ${detail}`);
}

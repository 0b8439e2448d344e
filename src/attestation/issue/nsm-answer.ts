import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import { decodeCbor, type CborMap, type CborValue } from '../nitro/cbor.js';
import { isMap } from '../nitro/cose-sign1.js';

/** What the module says of itself. */
export interface NsmDescription {
  readonly version: readonly [major: number, minor: number, patch: number];
  readonly moduleId: string;
  readonly maxPcrs: number;
  readonly lockedPcrs: readonly number[];
  readonly digest: 'SHA256' | 'SHA384' | 'SHA512';
}

export interface NsmPcr {
  readonly locked: boolean;
  readonly value: Uint8Array;
}

const ERROR_NAMES: ReadonlySet<string> = new Set([
  'Success',
  'InvalidArgument',
  'InvalidIndex',
  'InvalidResponse',
  'ReadOnlyIndex',
  'InvalidOperation',
  'BufferTooSmall',
  'InputTooLarge',
  'InternalError',
]);

/** Lengths of a digest of each name, which are those of a register. */
const DIGEST_BYTES = { SHA256: 32, SHA384: 48, SHA512: 64 } as const;

const MAX_MODULE_ID = 256;
const MAX_RANDOM = 1024;
const MAX_U16 = 0xffff;

/** @throws EvidenceSourceError DEVICE_FAILED, as all of these, with the device's own error name where it gave one */
export function decodeDescribeNsmAnswer(answer: Uint8Array): NsmDescription {
  const fields = fieldsOf(answer, 'DescribeNSM');
  const moduleId = fields.get('module_id');
  const digest = fields.get('digest');
  const locked = fields.get('locked_pcrs');
  if (typeof moduleId !== 'string' || moduleId.length > MAX_MODULE_ID) return unknownForm('module_id');
  if (typeof digest !== 'string' || !isDigestName(digest)) return unknownForm('digest');
  if (!Array.isArray(locked)) return unknownForm('locked_pcrs');
  return {
    version: [u16(fields.get('version_major'), 'version_major'), u16(fields.get('version_minor'), 'version_minor'), u16(fields.get('version_patch'), 'version_patch')],
    moduleId,
    maxPcrs: u16(fields.get('max_pcrs'), 'max_pcrs'),
    lockedPcrs: (locked as readonly CborValue[]).map((index) => u16(index, 'locked_pcrs')),
    digest,
  };
}

/** Random bytes, at least 1; the module chooses how many. */
export function decodeGetRandomAnswer(answer: Uint8Array): Uint8Array {
  return bytes(fieldsOf(answer, 'GetRandom').get('random'), 'random', 1, MAX_RANDOM);
}

export function decodeDescribePcrAnswer(answer: Uint8Array): NsmPcr {
  const fields = fieldsOf(answer, 'DescribePCR');
  const lock = fields.get('lock');
  if (typeof lock !== 'object' || !('kind' in lock) || lock.kind !== 'simple' || lock.flag === null) return unknownForm('lock');
  return { locked: lock.flag, value: register(fields.get('data')) };
}

/** The register's value after the extension. */
export function decodeExtendPcrAnswer(answer: Uint8Array): Uint8Array {
  return register(fieldsOf(answer, 'ExtendPCR').get('data'));
}

export function decodeLockAnswer(answer: Uint8Array, kind: 'LockPCR' | 'LockPCRs'): void {
  if (parse(answer) !== kind) fieldsOf(answer, kind);
}

/** The attestation document, not verified. */
export function decodeAttestationAnswer(answer: Uint8Array): Uint8Array {
  return bytes(fieldsOf(answer, 'Attestation').get('document'), 'document', 1, answer.length);
}

/** The fields of the answer `kind`, an enum case as serde writes it: a map of one pair. */
function fieldsOf(answer: Uint8Array, kind: string): CborMap['entries'] {
  const map = parse(answer);
  if (isMap(map) && map.entries.size === 1) {
    const fields = map.entries.get(kind);
    if (isMap(fields)) return fields.entries;
    const error = map.entries.get('Error');
    if (typeof error === 'string' && ERROR_NAMES.has(error)) throw new EvidenceSourceError('DEVICE_FAILED', `the NSM refused: ${error}`);
  }
  return unknownForm(kind);
}

function parse(answer: Uint8Array): CborValue {
  try {
    return decodeCbor(answer);
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', 'the NSM gave an answer that is not CBOR', { cause });
  }
}

function register(value: CborValue | undefined): Uint8Array {
  const found = bytes(value, 'data', DIGEST_BYTES.SHA256, DIGEST_BYTES.SHA512);
  return Object.values<number>(DIGEST_BYTES).includes(found.length) ? found : unknownForm('data');
}

function bytes(value: CborValue | undefined, name: string, least: number, most: number): Uint8Array {
  return value instanceof Uint8Array && value.length >= least && value.length <= most ? value.slice() : unknownForm(name);
}

function u16(value: CborValue | undefined, name: string): number {
  return typeof value === 'number' && value >= 0 && value <= MAX_U16 ? value : unknownForm(name);
}

function isDigestName(name: string): name is keyof typeof DIGEST_BYTES {
  return Object.hasOwn(DIGEST_BYTES, name);
}

function unknownForm(name: string): never {
  throw new EvidenceSourceError('DEVICE_FAILED', `the NSM gave an answer of unknown form: ${name}`);
}

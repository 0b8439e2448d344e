import { VerificationError } from '../errors/verification-error.js';
import { BinArrayReader, BinArrayWriter } from './bin-array.js';

/**
 * The identity and measurements a certificate carries beside its evidence (spec/attestation.md section 5).
 * Lengths: appId 20, composeHash 32, instanceId 20, deviceId 32, osImageHash 32 or empty, mrSystem and
 * mrAggregated always 32, at most 5 initScriptHashes of 32.
 */
export interface CertificateAppInfo {
  readonly appId: Uint8Array;
  readonly composeHash: Uint8Array;
  readonly instanceId: Uint8Array;
  readonly deviceId: Uint8Array;
  readonly mrSystem: Uint8Array;
  readonly mrAggregated: Uint8Array;
  readonly osImageHash: Uint8Array;
  readonly keyProviderInfo: Uint8Array;
  /** null where the evidence does not bind them. */
  readonly initScriptHashes: readonly Uint8Array[] | null;
}

/** In the order they are written in; the last field of all, the init script hashes, is apart. */
const BYTE_FIELDS = [
  ['app_id', 'appId'],
  ['compose_hash', 'composeHash'],
  ['instance_id', 'instanceId'],
  ['device_id', 'deviceId'],
  ['mr_system', 'mrSystem'],
  ['mr_aggregated', 'mrAggregated'],
  ['os_image_hash', 'osImageHash'],
  ['key_provider_info', 'keyProviderInfo'],
] as const;
const HASHES_FIELD = 'init_script_hashes';

type ByteField = (typeof BYTE_FIELDS)[number][1];

const MAX_LENGTH = 1 << 16;
const MAX_HASHES = 5;
const HASH_LENGTH = 32;

/** MessagePack array of nine: eight `bin`, then nil or an array of `bin` (spec/attestation.md section 9.2). */
export function encodeAppInfo(info: CertificateAppInfo): Uint8Array {
  const writer = new BinArrayWriter().array(BYTE_FIELDS.length + 1);
  for (const [, field] of BYTE_FIELDS) writer.bin(info[field]);
  if (info.initScriptHashes === null) return writer.nil().finish();
  writer.array(info.initScriptHashes.length);
  for (const hash of info.initScriptHashes) writer.bin(hash);
  return writer.finish();
}

/**
 * Reads the array of nine, the older one of eight, or a map by field name; at most 64 KiB. A field that is
 * unknown, missing or there twice is refused.
 * @throws VerificationError EXTENSION_MALFORMED
 */
export function decodeAppInfo(bytes: Uint8Array): CertificateAppInfo {
  if (bytes.length > MAX_LENGTH) throw malformed(`${bytes.length} bytes, at most ${MAX_LENGTH}`);
  const reader = new BinArrayReader(bytes, malformed);
  const info = reader.nextIsMap() ? named(reader) : positional(reader);
  reader.end();
  for (const field of ['mrSystem', 'mrAggregated'] as const) {
    if (info[field].length !== HASH_LENGTH) throw malformed(`${field} of ${info[field].length} bytes`);
  }
  return info;
}

function positional(reader: BinArrayReader): CertificateAppInfo {
  const count = reader.array();
  if (count !== BYTE_FIELDS.length && count !== BYTE_FIELDS.length + 1) throw malformed(`array of ${count}`);
  const fields = new Map<ByteField, Uint8Array>();
  for (const [, field] of BYTE_FIELDS) fields.set(field, reader.bin());
  return complete(fields, count > BYTE_FIELDS.length ? hashes(reader) : null);
}

function named(reader: BinArrayReader): CertificateAppInfo {
  const fields = new Map<ByteField, Uint8Array>();
  let scripts: readonly Uint8Array[] | null | undefined;
  for (let left = reader.map(); left > 0; left--) {
    const key = reader.text();
    const field = BYTE_FIELDS.find(([name]) => name === key)?.[1];
    const isHashes = key === HASHES_FIELD;
    if ((field === undefined && !isHashes) || (field !== undefined && fields.has(field)) || (isHashes && scripts !== undefined)) {
      throw malformed('a field is unknown or there twice');
    }
    if (field === undefined) scripts = hashes(reader);
    else fields.set(field, reader.bin());
  }
  return complete(fields, scripts ?? null);
}

function hashes(reader: BinArrayReader): readonly Uint8Array[] | null {
  if (reader.takeNil()) return null;
  const count = reader.array();
  if (count > MAX_HASHES) throw malformed(`${count} init script hashes, at most ${MAX_HASHES}`);
  return Array.from({ length: count }, () => {
    const hash = reader.bin();
    if (hash.length !== HASH_LENGTH) throw malformed(`init script hash of ${hash.length} bytes`);
    return hash;
  });
}

function complete(fields: ReadonlyMap<ByteField, Uint8Array>, initScriptHashes: readonly Uint8Array[] | null): CertificateAppInfo {
  const bytes = (field: ByteField): Uint8Array => {
    const value = fields.get(field);
    if (value === undefined) throw malformed(`no ${field}`);
    return value;
  };
  return {
    appId: bytes('appId'),
    composeHash: bytes('composeHash'),
    instanceId: bytes('instanceId'),
    deviceId: bytes('deviceId'),
    mrSystem: bytes('mrSystem'),
    mrAggregated: bytes('mrAggregated'),
    osImageHash: bytes('osImageHash'),
    keyProviderInfo: bytes('keyProviderInfo'),
    initScriptHashes,
  };
}

function malformed(detail: string): VerificationError {
  return new VerificationError('EXTENSION_MALFORMED', `malformed app info: ${detail}`);
}

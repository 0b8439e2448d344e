import { DstackError } from '../../errors/base.js';
import { VerificationError } from '../../errors/verification-error.js';
import type { AppInfo } from '../evidence/app-info.js';
import { type FieldSpec, bytes, listOf, optional, readStruct, required } from '../wire/msgpack-struct.js';
import { MsgpackReader } from '../wire/msgpack-reader.js';
import { MsgpackWriter } from '../wire/msgpack-writer.js';

const MAX_INIT_SCRIPTS = 64;

const initScripts: FieldSpec<Uint8Array[] | null>['read'] = (reader, what) =>
  reader.takeNil() ? null : listOf(bytes, MAX_INIT_SCRIPTS)(reader, what);

/** Field order of the positional form (spec/attestation.md sections 5 and 9.2). */
const APP_INFO = {
  app_id: required(bytes),
  compose_hash: required(bytes),
  instance_id: required(bytes),
  device_id: required(bytes),
  mr_system: required(bytes),
  mr_aggregated: required(bytes),
  os_image_hash: required(bytes),
  key_provider_info: required(bytes),
  init_script_hashes: optional<Uint8Array[] | null>(initScripts, null),
};

/** Content of the app info extension: a MessagePack array of nine, the last nil or an array. */
export function encodeAppInfo(info: AppInfo): Uint8Array {
  const out = new MsgpackWriter().array(9);
  out.bin(info.appId).bin(info.composeHash).bin(info.instanceId).bin(info.deviceId);
  out.bin(info.mrSystem).bin(info.mrAggregated).bin(info.osImageHash).bin(info.keyProviderInfo);
  if (info.initScriptHashes === null) return out.nil().finish();
  out.array(info.initScriptHashes.length);
  for (const hash of info.initScriptHashes) out.bin(hash);
  return out.finish();
}

/**
 * Reads what `encodeAppInfo` writes, the older array of eight, and a map of the same names.
 * @throws VerificationError CERTIFICATE_EXTENSION_MALFORMED
 */
export function decodeAppInfo(content: Uint8Array): AppInfo {
  try {
    const reader = new MsgpackReader(content);
    const info = readStruct(reader, 'app info', APP_INFO);
    reader.end();
    return {
      appId: info.app_id,
      composeHash: info.compose_hash,
      instanceId: info.instance_id,
      deviceId: info.device_id,
      mrSystem: info.mr_system,
      mrAggregated: info.mr_aggregated,
      osImageHash: info.os_image_hash,
      keyProviderInfo: info.key_provider_info,
      initScriptHashes: info.init_script_hashes,
    };
  } catch (cause) {
    if (!(cause instanceof DstackError)) throw cause;
    throw new VerificationError('CERTIFICATE_EXTENSION_MALFORMED', 'the app info extension is malformed', { cause });
  }
}

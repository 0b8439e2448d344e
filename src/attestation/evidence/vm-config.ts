import { VerificationError } from '../../errors/verification-error.js';

const HASH_BYTES = 32;

/**
 * `os_image_hash` of a VM configuration text: 32 bytes, or empty when it names none. With `unwrap`, a
 * system configuration is accepted too, whose `vm_config` is such a text (spec/attestation.md section 5).
 * @throws VerificationError VM_CONFIG_MALFORMED
 */
export function osImageHashOf(config: string, { unwrap }: { readonly unwrap: boolean }): Uint8Array {
  const fields = vmConfigFields(config);
  const inner = unwrap ? fields['vm_config'] : undefined;
  return hashField(typeof inner === 'string' ? parseObject(inner) : fields);
}

/**
 * The same for SEV-SNP, where the outer object comes first and a `vm_config` inside it only when that names no image
 * (spec/attestation.md section 5.4).
 * @throws VerificationError VM_CONFIG_MALFORMED
 */
export function snpImageHashOf(config: string): Uint8Array {
  const fields = vmConfigFields(config);
  const inner = fields['vm_config'];
  const isOuter = Object.hasOwn(fields, 'os_image_hash') || typeof inner !== 'string';
  return hashField(isOuter ? fields : parseObject(inner));
}

/** The members of a VM configuration text; "" has none. @throws VerificationError VM_CONFIG_MALFORMED */
export function vmConfigFields(config: string): Readonly<Record<string, unknown>> {
  return parseObject(config === '' ? '{}' : config);
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed('not JSON', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('not a JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function hashField(fields: Readonly<Record<string, unknown>>): Uint8Array {
  const value = Object.hasOwn(fields, 'os_image_hash') ? fields['os_image_hash'] : '';
  if (typeof value !== 'string' || !/^[0-9a-f]*$/i.test(value)) throw malformed('os_image_hash is not hex');
  if (value.length !== 0 && value.length !== 2 * HASH_BYTES) throw malformed(`os_image_hash is not of ${HASH_BYTES} bytes`);
  return Uint8Array.from(Buffer.from(value, 'hex'));
}

function malformed(detail: string, cause?: unknown): VerificationError {
  return new VerificationError('VM_CONFIG_MALFORMED', `Failed to parse vm config: ${detail}`, { cause });
}

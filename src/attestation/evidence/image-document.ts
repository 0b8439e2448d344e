import { createHash } from 'node:crypto';
import { AppraisalError } from '../../errors/appraisal-error.js';
import { VerificationError } from '../../errors/verification-error.js';
import { type CborValue, decodeCbor } from '../nitro/cbor.js';
import { vmConfigFields } from './vm-config.js';

const GCP_FILE = 'measurement.gcp.cbor';
const GCP_VERSION = 1;
const HASH_BYTES = 32;
const MAX_CHECKSUM_BYTES = 64 * 1024;
const MAX_MEASUREMENT_BYTES = 64 * 1024;

/**
 * SHA-256 Authenticode digest of the kernel image (UKI) that an OS image for GCP boots, 32 bytes, from the `gcp_measurement` document of a
 * VM configuration. The document is the image's: its checksum file hashes to the image hash, and lists the measurement file
 * (spec/attestation.md section 5.4).
 * @param config VM configuration, JSON
 * @param osImageHash 32 bytes, lower-case hex
 * @throws AppraisalError IMAGE_NOT_VERIFIABLE without a usable document, IMAGE_HASH_MISMATCH for one of another image
 * @throws VerificationError VM_CONFIG_MALFORMED
 */
export function gcpUkiDigest(config: string, osImageHash: string): Uint8Array {
  const document = documentOf(vmConfigFields(config)['gcp_measurement']);
  if (sha256(document.checksumFile) !== osImageHash) throw otherImage('the checksum file of gcp_measurement is not that of the image');
  if (listedHash(document.checksumFile, GCP_FILE) !== sha256(document.measurement)) throw otherImage(`${GCP_FILE} is not the file the image lists`);
  return ukiDigest(document.measurement);
}

interface ImageDocument {
  readonly checksumFile: Uint8Array;
  readonly measurement: Uint8Array;
}

function documentOf(value: unknown): ImageDocument {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notVerifiable('the VM configuration has no gcp_measurement');
  const fields = value as Readonly<Record<string, unknown>>;
  return {
    checksumFile: base64(fields['checksum_file'], 'checksum_file', MAX_CHECKSUM_BYTES),
    measurement: base64(fields['measurement'], 'measurement', MAX_MEASUREMENT_BYTES),
  };
}

function base64(value: unknown, name: string, most: number): Uint8Array {
  if (typeof value !== 'string' || value.length > Math.ceil(most / 3) * 4) throw notVerifiable(`gcp_measurement.${name} is not base64 of at most ${most} bytes`);
  const bytes = Buffer.from(value, 'base64');
  // Node ignores what is not base64; only text that comes back the same was base64.
  if (bytes.toString('base64') !== value) throw notVerifiable(`gcp_measurement.${name} is not padded base64`);
  return Uint8Array.from(bytes);
}

/** The hash the one line for `file` has, as sha256sum writes such lists. */
function listedHash(checksumFile: Uint8Array, file: string): string {
  const lines = Buffer.from(checksumFile).toString('utf8').split('\n');
  const found = lines.map((line) => line.trim().split(/\s+/)).filter(([, name]) => name === file);
  const [[hash = ''] = []] = found;
  if (found.length !== 1 || !/^[0-9a-f]{64}$/i.test(hash)) throw notVerifiable(`the checksum file does not list ${file} once`);
  return hash.toLowerCase();
}

function ukiDigest(measurement: Uint8Array): Uint8Array {
  const map = cborOf(measurement);
  const fields = typeof map === 'object' && 'kind' in map && map.kind === 'map' ? map.entries : new Map<number | string, CborValue>();
  const digest = fields.get('uki_auth');
  if (fields.get('version') !== GCP_VERSION || !(digest instanceof Uint8Array) || digest.length !== HASH_BYTES) {
    throw notVerifiable(`${GCP_FILE} is not version ${GCP_VERSION} with a uki_auth of ${HASH_BYTES} bytes`);
  }
  return digest;
}

function cborOf(measurement: Uint8Array): CborValue {
  try {
    return decodeCbor(measurement);
  } catch (cause) {
    if (cause instanceof VerificationError) throw notVerifiable(`${GCP_FILE} is not CBOR`, cause);
    throw cause;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function notVerifiable(detail: string, cause?: unknown): AppraisalError {
  return new AppraisalError('IMAGE_NOT_VERIFIABLE', detail, { cause });
}

function otherImage(detail: string): AppraisalError {
  return new AppraisalError('IMAGE_HASH_MISMATCH', detail);
}

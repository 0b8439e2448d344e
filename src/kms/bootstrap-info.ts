import { unverifiedAppInfo } from '../attestation/evidence/measurements.js';
import { decodeAttestation } from '../attestation/wire/decode.js';
import { hex } from '../crypto/hex.js';
import { DstackError } from '../errors/base.js';

/** What Bootstrap answered: what has to be registered with the policy. */
export interface BootstrapInfo {
  /** SubjectPublicKeyInfo of the root CA, 91 bytes DER. */
  readonly caPublicKey: Uint8Array;
  /** secp256k1 root public key, 33 bytes. */
  readonly k256PublicKey: Uint8Array;
  /** Versioned attestation over both keys. */
  readonly attestation: Uint8Array;
  /** Aggregated measurement in that attestation, 32 bytes; empty when it has none. */
  readonly measurement: Uint8Array;
}

/** Content of `bootstrap-info.json`: compact JSON of the three keys existing tools read (spec/kms.md section 3). */
export function bootstrapInfoJson({ caPublicKey, k256PublicKey, attestation }: BootstrapInfo): string {
  return JSON.stringify({ ca_pubkey: hex(caPublicKey), k256_pubkey: hex(k256PublicKey), attestation: hex(attestation) });
}

/** Reads such a file; null when it is anything else, as the existing KMS has it (spec/kms.md section 13.4). */
export function parseBootstrapInfo(text: string): BootstrapInfo | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const [caPublicKey, k256PublicKey, attestation] = [fields['ca_pubkey'], fields['k256_pubkey'], fields['attestation']].map(bytes);
  if (!caPublicKey || !k256PublicKey || !attestation) return null;
  return { caPublicKey, k256PublicKey, attestation, measurement: aggregatedMeasurement(attestation) };
}

/** The measurement a policy lists for the machine that made `attestation`, or empty bytes. Nothing is verified. */
export function aggregatedMeasurement(attestation: Uint8Array): Uint8Array {
  try {
    return unverifiedAppInfo(decodeAttestation(attestation), { view: 'runtime' }).mrAggregated;
  } catch (error) {
    if (error instanceof DstackError) return new Uint8Array();
    throw error;
  }
}

function bytes(value: unknown): Uint8Array | null {
  return typeof value === 'string' && /^([0-9a-f]{2})*$/i.test(value) ? Uint8Array.from(Buffer.from(value, 'hex')) : null;
}

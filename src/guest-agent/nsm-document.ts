import type { Asker, EvidenceSource, NsmRequest } from '../attestation/evidence/evidence-source.js';
import { invalidArgument } from '../errors/service-error.js';
import { hasTdx } from './quote.js';
import { unsupportedPlatform } from './unsupported-platform.js';

/** Bytes; limits of the Nitro Security Module (AWS Nitro Enclaves NSM API, attestation process). */
const LIMITS = { userData: 512, nonce: 512, publicKey: 1024 } as const;

/** What a caller wants placed in the document; empty fields are left out of it. */
export interface NsmArguments {
  readonly userData: Uint8Array;
  readonly nonce: Uint8Array;
  readonly publicKey: Uint8Array;
}

/**
 * The COSE_Sign1 document of the Nitro Security Module (spec/api.md section 1.2).
 * @throws ServiceError UNSUPPORTED_PLATFORM outside a Nitro Enclave, INVALID_ARGUMENT naming the field and its limit
 */
export async function getNsmDocument(evidence: EvidenceSource, given: NsmArguments, signal?: AbortSignal, asker?: Asker): Promise<Uint8Array> {
  if (evidence.nsmDocument === null) throw unsupportedPlatform(evidence.variant, 'A Nitro attestation document', hasTdx(evidence) ? 'GET /GetQuote or POST /Attest' : 'POST /Attest');
  const request: NsmRequest = {
    userData: field('user_data', given.userData, LIMITS.userData),
    nonce: field('nonce', given.nonce, LIMITS.nonce),
    publicKey: field('public_key', given.publicKey, LIMITS.publicKey),
  };
  return evidence.nsmDocument(request, signal, asker);
}

function field(name: string, bytes: Uint8Array, limit: number): Uint8Array | null {
  if (bytes.length > limit) throw invalidArgument(`${name} is ${bytes.length} bytes, at most ${limit}`);
  return bytes.length === 0 ? null : bytes;
}

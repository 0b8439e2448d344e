import { VerificationError } from '../errors/verification-error.js';
import { parseCertificate } from '../x509/certificate.js';
import { parseCrl } from '../x509/crl.js';
import type { PublishedKind } from './certificate-fetcher.js';
import type { RecordedAnswer } from './recording.js';

const DCAP = /\/(?:sgx|tdx)\/certification\/v4\//;
/** AMD 57230, chapter 4. */
const AMD_CHAIN = /\/(?:vcek|vlek)\/v1\/[A-Za-z]+\/cert_chain$/;
const AMD_VCEK = /\/vcek\/v1\/[A-Za-z]+\/[0-9a-f]+\?/i;

/**
 * What a recorded answer is, by what was asked and what came: of AMD's service, of a DCAP collateral service, a certificate or a list
 * from wherever a certificate said; null for anything else. Nothing is verified.
 */
export function recordedKindOf({ target, body }: RecordedAnswer): PublishedKind | 'dcap' | null {
  if (DCAP.test(target)) return 'dcap';
  if (AMD_CHAIN.test(target)) return 'amd-chain';
  if (AMD_VCEK.test(target)) return 'amd-vcek';
  if (isReadBy(parseCrl, body)) return 'crl';
  return isReadBy(parseCertificate, body) ? 'certificate' : null;
}

function isReadBy(parse: (der: Uint8Array) => unknown, body: Uint8Array): boolean {
  try {
    parse(body);
    return true;
  } catch (error) {
    if (error instanceof VerificationError) return false;
    throw error;
  }
}

import { createHash } from 'node:crypto';
import type { TeeVariant } from '../attestation/tee-variant.js';
import { PLATFORM_NAMES } from '../attestation/tee-variant.js';

/**
 * Lines a process on the development platform shows at its start, so that nobody takes it for the real thing.
 * @param root development root certificate, DER; null when the evidence is not re-signed
 */
export function developmentBanner(variant: TeeVariant, root: Uint8Array | null): readonly string[] {
  const signedBy =
    root === null
      ? 'Its evidence is a recording: no verifier accepts it.'
      : `Its evidence is signed by a development root, SHA-256 ${createHash('sha256').update(root).digest('hex')}.`;
  return [
    `DEVELOPMENT PLATFORM: ${PLATFORM_NAMES[variant]} is simulated, nothing is protected by hardware.`,
    signedBy,
    'Verifiers refuse it unless given that root with insecure_allow_external_trust_anchors = true. Never use keys made here for anything real.',
  ];
}

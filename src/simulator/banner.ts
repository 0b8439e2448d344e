import { createHash } from 'node:crypto';
import type { TeeVariant } from '../attestation/tee-variant.js';
import { PLATFORM_NAMES } from '../attestation/tee-variant.js';

/**
 * Lines a process on the development platform shows at its start, so that nobody takes it for the real thing.
 * @param roots development root certificates the evidence leads to, DER; none when it is not re-signed
 */
export function developmentBanner(variant: TeeVariant, roots: readonly Uint8Array[]): readonly string[] {
  const fingerprints = roots.map((root) => createHash('sha256').update(root).digest('hex'));
  const signedBy =
    fingerprints.length === 0 ? ['Its evidence is a recording: no verifier accepts it.'] : fingerprints.map((fingerprint) => `Its evidence is signed by a development root, SHA-256 ${fingerprint}.`);
  return [
    `DEVELOPMENT PLATFORM: ${PLATFORM_NAMES[variant]} is simulated, nothing is protected by hardware.`,
    ...signedBy,
    'Verifiers refuse it unless given every such root with insecure_allow_external_trust_anchors = true. Never use keys made here for anything real.',
  ];
}

import { developmentCertificate } from './development-certificate.js';
import { seededKey } from './seeded-keys.js';
import type { SeededKey } from './seeded-keys.js';

/** The certificates AWS would hold for one enclave; P-384. */
export interface DevelopmentNitroPki {
  /** Self-signed root CA, DER. */
  readonly root: Uint8Array;
  /** Issued by the root, DER; no CA. */
  readonly leaf: Uint8Array;
  readonly leafKey: SeededKey;
}

/**
 * The NSM PKI of a seed: byte-identical in every process.
 * @throws TypeError unless `seed` is 32 bytes
 */
export function createDevelopmentNitroPki(seed: Uint8Array): DevelopmentNitroPki {
  const leafKey = seededKey(seed, 'p384', 'nsm-leaf');
  const rootCa = { commonName: 'Development Nitro Enclaves Root CA', key: seededKey(seed, 'p384', 'nsm-root'), serial: 1, isCa: true, extensions: [] };
  const leaf = { commonName: 'Development Nitro Enclave', key: leafKey, serial: 2, isCa: false, extensions: [] };
  return { root: developmentCertificate(rootCa, rootCa), leaf: developmentCertificate(leaf, rootCa), leafKey };
}

import type { NsmRequest } from '../attestation/evidence/evidence-source.js';
import { checkNsmRequest } from '../attestation/issue/nsm-client.js';
import { createDevelopmentNitroPki } from './nitro-pki.js';
import { signNsmDocument } from './nsm-document.js';

export interface DevelopmentNsmOptions {
  /** 32 bytes. */
  readonly seed: Uint8Array;
  /** Unix seconds, fractions count; stamps the documents. */
  readonly clock: () => number;
  /** By index, 48 bytes each. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  readonly moduleId: string;
  /** Payload map of indefinite length, as AWS writes it (trap T14). */
  readonly indefiniteMaps: boolean;
}

/** A Nitro Security Module whose documents lead to a development root. */
export interface DevelopmentNsm {
  /** DER. */
  readonly root: Uint8Array;
  /** @throws EvidenceSourceError DEVICE_FAILED for an argument longer than the real NSM takes */
  document(request: NsmRequest, signal?: AbortSignal): Promise<Uint8Array>;
}

/** @throws TypeError unless `seed` is 32 bytes */
export function createDevelopmentNsm({ seed, clock, pcrs, moduleId, indefiniteMaps }: DevelopmentNsmOptions): DevelopmentNsm {
  const pki = createDevelopmentNitroPki(seed);
  return {
    root: pki.root,
    async document(request, signal) {
      const { userData, nonce, publicKey } = checkNsmRequest(request);
      signal?.throwIfAborted();
      const content = { moduleId, timestampMs: Math.floor(clock() * 1000), pcrs, certificate: pki.leaf, cabundle: [pki.root], userData, nonce, publicKey };
      return signNsmDocument(content, pki.leafKey.privateKey, { indefinite: indefiniteMaps });
    },
  };
}

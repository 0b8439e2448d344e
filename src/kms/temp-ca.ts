import { p256KeyToPem } from '../crypto/p256-pem.js';
import type { RootKeys } from './root-keys.js';
import type { SelfAuthorization } from './self-authorization.js';

/** All PEM. The key is public by design (spec/kms.md section 10). */
export interface TempCa {
  readonly tempCaCert: string;
  readonly tempCaKey: string;
  readonly rootCaCert: string;
}

/** GetTempCaCert (spec/kms.md section 13.5). @throws ServiceError INTERNAL_ERROR when this KMS is no longer allowed; AppraisalError RELEASE_GATE_CLOSED */
export function createTempCa(keys: RootKeys, self: SelfAuthorization): () => Promise<TempCa> {
  const answer: TempCa = { tempCaCert: keys.tmpCa.certificatePem, tempCaKey: p256KeyToPem(keys.tmpCaKey), rootCaCert: keys.rootCa.certificatePem };
  return async () => {
    await self.checkGate();
    return answer;
  };
}

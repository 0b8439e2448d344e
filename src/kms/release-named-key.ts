import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import { hkdfSha256 } from '../crypto/hkdf.js';
import { ServiceError } from '../errors/service-error.js';
import { withContext } from '../errors/with-context.js';
import { admit } from './admit.js';
import type { KeyNames } from './app-authorizer.js';
import { keyNameBytes } from './key-name.js';
import type { ReleaseDependencies } from './release-app-key.js';

export interface NamedKeyDependencies extends Omit<ReleaseDependencies, 'keys'> {
  readonly names: KeyNames;
}

/**
 * GetKey: version 1 of the key named `name` of the caller's application, 32 bytes; the same bytes the guest agent
 * inside that application returns for GetKey(path = name) (spec/api.md section 2.1).
 * @throws ServiceError INVALID_ARGUMENT (name), KEY_NOT_FOUND; what `admit` throws, in the context "App not allowed"
 */
export async function releaseNamedKey(
  { name, verified }: { readonly name: string; readonly verified: VerifiedAttestation },
  { self, rules, deriver, names }: NamedKeyDependencies,
): Promise<Uint8Array> {
  const context = keyNameBytes(name);
  await self.check();
  const { bootInfo } = await admit({ verified, vmConfig: '', view: 'runtime', as: 'app' }, rules).catch((error: unknown) => {
    throw withContext(error, 'App not allowed');
  });
  if (!(await names.exists(bootInfo.appId, name))) throw new ServiceError('KEY_NOT_FOUND', 'no key of that name exists for the application');
  const { key } = deriver.k256(Buffer.from(bootInfo.appId, 'hex'));
  return hkdfSha256(key.scalar, [context]);
}

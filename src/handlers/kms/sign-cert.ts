import type { SignCertRequestSchema, SignCertResponseSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import type { SessionBindings } from '../../kms/session-binding.js';
import { type SignCertificateDependencies, signCertificate } from '../../kms/sign-certificate.js';

export function signCert(dependencies: SignCertificateDependencies, sessions: SessionBindings): UnaryHandler<typeof SignCertRequestSchema, typeof SignCertResponseSchema> {
  return async ({ apiVersion, csr, signature, vmConfig }, call) => {
    const requester = sessions.boundMachine(call.session);
    return { certificateChain: [...(await signCertificate({ apiVersion, csr, signature, vmConfig, requester }, dependencies))] };
  };
}

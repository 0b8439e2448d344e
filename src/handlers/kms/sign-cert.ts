import type { SignCertRequestSchema, SignCertResponseSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import { type SignCertificateDependencies, signCertificate } from '../../kms/sign-certificate.js';

export function signCert(dependencies: SignCertificateDependencies): UnaryHandler<typeof SignCertRequestSchema, typeof SignCertResponseSchema> {
  return async ({ apiVersion, csr, signature, vmConfig }) => ({
    certificateChain: [...(await signCertificate({ apiVersion, csr, signature, vmConfig }, dependencies))],
  });
}

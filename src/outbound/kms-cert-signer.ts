import { encodeAttestation } from '../attestation/wire/decode.js';
import { KmsClientError } from '../errors/kms-client-error.js';
import { ServiceError, type ServiceCode } from '../errors/service-error.js';
import type { CertSigner } from '../guest-agent/cert-signer.js';
import { signCsr } from '../x509/csr.js';
import type { KmsClient } from './kms-client.js';

/**
 * Has the KMS sign (spec/guest-agent.md section 6.1). The request carries the full evidence, preimages
 * included, since verifiers need them for version 2 events; the KMS strips what goes into the certificate.
 * @param vmConfig what the KMS checks the measurements against
 */
export function createKmsCertSigner(kms: Pick<KmsClient, 'signCert'>, vmConfig: string): CertSigner {
  return {
    async sign(request, signal) {
      const config = {
        organization: null,
        subject: request.subject,
        subjectAltNames: request.altNames,
        serverAuth: request.serverAuth,
        clientAuth: request.clientAuth,
        withAttestation: request.embedQuote,
        withAppInfo: request.embedAppInfo,
        notBefore: request.notBefore,
        notAfter: request.notAfter,
      };
      const { csr, signature } = signCsr(request.key, config, encodeAttestation(await request.attest()));
      try {
        return await kms.signCert(csr, signature, vmConfig, signal);
      } catch (cause) {
        throw forCaller(cause);
      }
    },
  };
}

/** Refusals of the KMS an application may read; anything else of the KMS is an internal matter. */
const PASSED_ON: ReadonlySet<string> = new Set<ServiceCode>(['UNAUTHORIZED', 'MEASUREMENT_NOT_FOUND', 'INVALID_ARGUMENT', 'RESOURCE_EXHAUSTED']);

function forCaller(cause: unknown): unknown {
  if (!(cause instanceof KmsClientError)) return cause;
  if (cause.code !== 'KMS_REFUSED') return new ServiceError('NOT_READY', 'Failed to sign the CSR: the KMS cannot be used now', { cause });
  // KMS versions without codes only say why in words; to them every refusal is one of the request's evidence.
  const code = cause.kmsCode !== null && PASSED_ON.has(cause.kmsCode) ? (cause.kmsCode as ServiceCode) : 'UNAUTHORIZED';
  return new ServiceError(code, `Failed to sign the CSR: ${cause.message}`, { cause });
}

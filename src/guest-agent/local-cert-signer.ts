import { encodeAttestation } from '../attestation/wire/decode.js';
import { stripForCertificate } from '../attestation/wire/strip.js';
import { p256KeyFromPem } from '../crypto/p256-pem.js';
import { loadCertificateAuthority } from '../x509/certificate-authority.js';
import { certificatePem } from '../x509/pem.js';
import { issueAppLeaf } from '../x509/profiles/app-leaf.js';
import { defaultValidity, type Validity } from '../x509/validity.js';
import type { CertSigner, WantedCertificate } from './cert-signer.js';
import { ownAppInfo } from './own-app-info.js';

/**
 * Signs with the application CA the instance was provisioned with (spec/guest-agent.md section 6.1). Its
 * certificates name no application id: there is no KMS to vouch for one.
 * @param caKey PKCS#8 PEM
 * @param caCert PEM
 * @param clock unix seconds
 * @throws KeyMaterialError, VerificationError or ConfigError when key and certificate are no CA together
 */
export function createLocalCertSigner(caKey: string, caCert: string, clock: () => number): CertSigner {
  const ca = loadCertificateAuthority(caCert, p256KeyFromPem(caKey));
  return {
    async sign(request) {
      const attestation = request.embedQuote || request.embedAppInfo ? await request.attest() : null;
      const leaf = issueAppLeaf(
        {
          subject: { organization: null, commonName: request.subject },
          spki: request.key.spki,
          subjectAltNames: request.altNames,
          serverAuth: request.serverAuth,
          clientAuth: request.clientAuth,
          appId: null,
          appInfo: request.embedAppInfo && attestation !== null ? ownAppInfo(attestation) : null,
          attestation: request.embedQuote && attestation !== null ? encodeAttestation(stripForCertificate(attestation)) : null,
          validity: validityOf(request, clock()),
        },
        ca,
      );
      return [certificatePem(leaf), ca.certificatePem];
    },
  };
}

function validityOf({ notBefore, notAfter }: WantedCertificate, now: number): Validity {
  const usual = defaultValidity(now);
  return { notBefore: notBefore === null ? usual.notBefore : Number(notBefore), notAfter: notAfter === null ? usual.notAfter : Number(notAfter) };
}

import type { Attestation } from '../attestation/evidence/attestation.js';
import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import type { BootInfo } from '../attestation/evidence/boot-info.js';
import { unverifiedAppInfo } from '../attestation/evidence/measurements.js';
import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import { verifyCertificateEvidence } from '../attestation/ra-tls/binding.js';
import { legacyAttestation } from '../attestation/ra-tls/legacy-evidence.js';
import { isSameMachine } from '../attestation/ra-tls/session.js';
import { decodeAttestation, encodeAttestation } from '../attestation/wire/decode.js';
import { stripForCertificate } from '../attestation/wire/strip.js';
import { AppraisalError } from '../errors/appraisal-error.js';
import { invalidArgument } from '../errors/service-error.js';
import { withContext } from '../errors/with-context.js';
import type { CertificateAppInfo } from '../x509/app-info-extension.js';
import { type CertificateRequest, type CsrConfig, decodeCsr } from '../x509/csr.js';
import { certificatePem } from '../x509/pem.js';
import { issueAppCa } from '../x509/profiles/app-ca.js';
import { issueAppLeaf } from '../x509/profiles/app-leaf.js';
import { defaultValidity, type Validity } from '../x509/validity.js';
import { verifyCsr } from '../x509/verify-csr.js';
import { admit, type AdmissionRules } from './admit.js';
import type { AppKeyDeriver } from './derive-app-keys.js';
import type { RootKeys } from './root-keys.js';
import type { SelfAuthorization } from './self-authorization.js';

export interface SignCertificateRequest {
  readonly apiVersion: number;
  readonly csr: Uint8Array;
  /** ECDSA-P256-SHA256 over `csr`, DER. */
  readonly signature: Uint8Array;
  /** "" for the configuration embedded in the evidence. */
  readonly vmConfig: string;
  /** The machine the connection is bound to, which asks for itself only; null for none. */
  readonly requester: VerifiedAttestation | null;
}

export interface SignCertificateDependencies {
  readonly self: SelfAuthorization;
  readonly verifier: AttestationVerifier;
  readonly rules: AdmissionRules;
  readonly deriver: AppKeyDeriver;
  readonly keys: RootKeys;
  /** Unix seconds. */
  readonly clock: () => number;
}

/**
 * SignCert (spec/kms.md section 13.6): a certificate chain in PEM, leaf first. Judged by the evidence inside the request,
 * which must be bound to the key the certificate is for. The only file that sequences its steps.
 * @throws ServiceError INVALID_ARGUMENT (version, request, signature), VerificationError in the context
 *   "Quote verification failed", AppraisalError SESSION_OTHER_MACHINE, what `admit` throws
 */
export async function signCertificate(request: SignCertificateRequest, dependencies: SignCertificateDependencies): Promise<readonly string[]> {
  const { self, verifier, rules, deriver, keys, clock } = dependencies;
  await self.check();
  const csr = decodeSigned(request);
  const attestation = decodeEvidence(csr);
  const verified = await verifyBound(attestation, csr.spki, verifier);
  assertOfRequester(verified, request.requester);
  const { bootInfo } = await admit({ verified, vmConfig: request.vmConfig, view: 'boot-time', as: 'app' }, rules);
  const appId = Buffer.from(bootInfo.appId, 'hex');
  const validity = defaultValidity(clock());
  const appCa = issueAppCa(deriver.appCa(appId), appId, validity, keys.rootCa);
  const { config } = csr;
  const leaf = issueAppLeaf(
    {
      subject: { organization: config.organization, commonName: config.subject },
      spki: csr.spki,
      subjectAltNames: config.subjectAltNames,
      serverAuth: config.serverAuth,
      clientAuth: config.clientAuth,
      appId,
      appInfo: config.withAppInfo ? certificateAppInfo(attestation, bootInfo) : null,
      attestation: config.withAttestation ? encodeAttestation(stripForCertificate(attestation)) : null,
      validity: requestedValidity(config, validity),
    },
    appCa,
  );
  return [certificatePem(leaf), appCa.certificatePem, keys.rootCa.certificatePem];
}

function decodeSigned({ apiVersion, csr, signature }: SignCertificateRequest): CertificateRequest {
  if (apiVersion !== 1 && apiVersion !== 2) throw invalidArgument(`Unsupported API version: ${apiVersion}`);
  const request = decodeCsr(csr, apiVersion);
  verifyCsr(csr, request, signature);
  return request;
}

function decodeEvidence({ evidence }: CertificateRequest): Attestation {
  return evidence.version === 2 ? decodeAttestation(evidence.attestation) : legacyAttestation(evidence.quote, Buffer.from(evidence.eventLog).toString('utf8'));
}

async function verifyBound(attestation: Attestation, spki: Uint8Array, verifier: AttestationVerifier): Promise<VerifiedAttestation> {
  try {
    return await verifyCertificateEvidence({ attestation, spki }, verifier);
  } catch (error) {
    throw withContext(error, 'Quote verification failed');
  }
}

/** Whoever proved which machine it is gets certificates of that machine: evidence in a request has no freshness of its own, and may be another's. */
function assertOfRequester(verified: VerifiedAttestation, requester: VerifiedAttestation | null): void {
  if (requester === null || isSameMachine(verified, requester)) return;
  throw new AppraisalError('SESSION_OTHER_MACHINE', 'the evidence in the request is of another machine than that the session is bound to');
}

/**
 * The identity written into the certificate: run-time view, and the device left out (spec/attestation.md section 5). Image and
 * composition are those that were admitted: what the evidence says of them can be read in more ways than were judged, and the
 * request may have named others. Only where no image was judged, which needs image verification switched off, is it the
 * evidence's word, as in the certificates of the existing KMS.
 */
function certificateAppInfo(attestation: Attestation, admitted: BootInfo): CertificateAppInfo {
  const stated = unverifiedAppInfo({ ...attestation, wire: 'v1' }, { view: 'runtime' });
  return {
    ...stated,
    composeHash: Buffer.from(admitted.composeHash, 'hex'),
    osImageHash: admitted.osImageHash === '' ? stated.osImageHash : Buffer.from(admitted.osImageHash, 'hex'),
  };
}

function requestedValidity({ notBefore, notAfter }: CsrConfig, validity: Validity): Validity {
  return {
    notBefore: notBefore === null ? validity.notBefore : unixSeconds('not_before', notBefore),
    notAfter: notAfter === null ? validity.notAfter : unixSeconds('not_after', notAfter),
  };
}

/** Last second a certificate can name (RFC 5280 section 4.1.2.5). */
const LAST_SECOND = 253_402_300_799n;

function unixSeconds(field: string, value: bigint): number {
  if (value > LAST_SECOND) throw invalidArgument(`${field} must be at most ${LAST_SECOND} (the end of the year 9999)`);
  return Number(value);
}

import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { caIssuers, crlDistributionPoint, extendedKeyUsage } from '../x509/standard-extensions.js';
import { developmentCertificate, developmentCrl } from './development-certificate.js';
import type { CrlWindow, DevelopmentAuthority } from './development-certificate.js';
import { seededKey } from './seeded-keys.js';

/** A key of a TPM that signs its quotes. */
export interface AttestationKey {
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
}

/** The certificates and keys Google would hold for one vTPM; P-256. */
export interface DevelopmentTpmPki {
  /** Self-signed root CA, DER. */
  readonly root: Uint8Array;
  /** Certificate of the attestation key, DER; it says where its issuer's certificate and revocation list are. */
  readonly akCert: Uint8Array;
  readonly akKey: AttestationKey;
  /** What the URLs inside the certificates answer, DER by URL. */
  readonly published: ReadonlyMap<string, Uint8Array>;
}

export interface TpmPkiOptions {
  /** A certificate its issuer's revocation list names. */
  readonly revoked?: 'intermediate' | 'ak' | null;
  /** Validity of the revocation lists; that of the certificates unless given. */
  readonly crlWindow?: CrlWindow;
  /** Private key of the vTPM, P-256 or RSA; null for that of the seed. */
  readonly attestationKey?: KeyObject | null;
  /** Where certificates and lists are published, without slash at the end; part of the certificates, so another place makes another root. */
  readonly base?: string;
}

/** Certificates a revocation list can name, and their serial numbers. */
const SERIALS = { root: 1, intermediate: 2, ak: 3 } as const;

/** A name that never resolves (RFC 6761 section 6.4): the answers are handed over, not fetched. */
const BASE = 'http://vtpm.development.invalid';

/** Usage of the keys of vTPMs: tcg-kp-EKCertificate (spec/attestation.md section 8). */
const EKU_VTPM = '2.23.133.8.1';

/**
 * The vTPM PKI of a seed: byte-identical in every process, given the same options.
 * @throws TypeError unless `seed` is 32 bytes
 */
export function createDevelopmentTpmPki(seed: Uint8Array, options: TpmPkiOptions = {}): DevelopmentTpmPki {
  const { revoked = null, crlWindow, attestationKey = null, base = BASE } = options;
  const urls = { rootCert: `${base}/aia/root.der`, intermediateCert: `${base}/aia/intermediate.der`, rootCrl: `${base}/crl/root.crl`, intermediateCrl: `${base}/crl/intermediate.crl` };
  const akKey = attestationKey === null ? seededKey(seed, 'p256', 'tpm-ak') : withSpki(attestationKey);
  const root: DevelopmentAuthority = { commonName: 'Development vTPM Root CA', key: seededKey(seed, 'p256', 'tpm-root') };
  const intermediate: DevelopmentAuthority = { commonName: 'Development vTPM EK/AK CA', key: seededKey(seed, 'p256', 'tpm-intermediate') };
  const rootDer = developmentCertificate({ ...root, serial: SERIALS.root, isCa: true, extensions: [crlDistributionPoint(urls.rootCrl)] }, root);
  const ofRoot = [caIssuers(urls.rootCert), crlDistributionPoint(urls.rootCrl)];
  const ofIntermediate = [extendedKeyUsage([EKU_VTPM]), caIssuers(urls.intermediateCert), crlDistributionPoint(urls.intermediateCrl)];
  return {
    root: rootDer,
    akCert: developmentCertificate({ commonName: 'Development vTPM attestation key', key: akKey, serial: SERIALS.ak, isCa: false, extensions: ofIntermediate }, intermediate),
    akKey,
    published: new Map([
      [urls.rootCert, rootDer],
      [urls.intermediateCert, developmentCertificate({ ...intermediate, serial: SERIALS.intermediate, isCa: true, extensions: ofRoot }, root)],
      [urls.rootCrl, developmentCrl(root, revoked === 'intermediate' ? [SERIALS.intermediate] : [], crlWindow)],
      [urls.intermediateCrl, developmentCrl(intermediate, revoked === 'ak' ? [SERIALS.ak] : [], crlWindow)],
    ]),
  };
}

function withSpki(privateKey: KeyObject): AttestationKey {
  return { privateKey, spki: new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' })) };
}

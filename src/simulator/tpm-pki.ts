import { caIssuers, crlDistributionPoint } from '../x509/standard-extensions.js';
import { developmentCertificate, developmentCrl } from './development-certificate.js';
import type { DevelopmentAuthority } from './development-certificate.js';
import { seededKey } from './seeded-keys.js';
import type { SeededKey } from './seeded-keys.js';

/** The certificates and keys Google would hold for one vTPM; P-256. */
export interface DevelopmentTpmPki {
  /** Self-signed root CA, DER. */
  readonly root: Uint8Array;
  /** Certificate of the attestation key, DER; it says where its issuer's certificate and revocation list are. */
  readonly akCert: Uint8Array;
  readonly akKey: SeededKey;
  /** What the URLs inside the certificates answer, DER by URL. */
  readonly published: ReadonlyMap<string, Uint8Array>;
}

/** Certificates a revocation list can name, and their serial numbers. */
const SERIALS = { root: 1, intermediate: 2, ak: 3 } as const;

/** A name that never resolves (RFC 6761 section 6.4): the answers are handed over, not fetched. */
const BASE = 'http://vtpm.development.invalid';

const URLS = {
  rootCertificate: `${BASE}/aia/root.der`,
  intermediateCertificate: `${BASE}/aia/intermediate.der`,
  rootCrl: `${BASE}/crl/root.crl`,
  intermediateCrl: `${BASE}/crl/intermediate.crl`,
} as const;

/**
 * The vTPM PKI of a seed: byte-identical in every process.
 * @param revoked a certificate its issuer's revocation list names, or null
 * @throws TypeError unless `seed` is 32 bytes
 */
export function createDevelopmentTpmPki(seed: Uint8Array, revoked: 'intermediate' | 'ak' | null = null): DevelopmentTpmPki {
  const akKey = seededKey(seed, 'p256', 'tpm-ak');
  const root: DevelopmentAuthority = { commonName: 'Development vTPM Root CA', key: seededKey(seed, 'p256', 'tpm-root') };
  const intermediate: DevelopmentAuthority = { commonName: 'Development vTPM EK/AK CA', key: seededKey(seed, 'p256', 'tpm-intermediate') };
  const rootDer = developmentCertificate({ ...root, serial: SERIALS.root, isCa: true, extensions: [crlDistributionPoint(URLS.rootCrl)] }, root);
  const ofRoot = [caIssuers(URLS.rootCertificate), crlDistributionPoint(URLS.rootCrl)];
  const ofIntermediate = [caIssuers(URLS.intermediateCertificate), crlDistributionPoint(URLS.intermediateCrl)];
  return {
    root: rootDer,
    akCert: developmentCertificate({ commonName: 'Development vTPM attestation key', key: akKey, serial: SERIALS.ak, isCa: false, extensions: ofIntermediate }, intermediate),
    akKey,
    published: new Map([
      [URLS.rootCertificate, rootDer],
      [URLS.intermediateCertificate, developmentCertificate({ ...intermediate, serial: SERIALS.intermediate, isCa: true, extensions: ofRoot }, root)],
      [URLS.rootCrl, developmentCrl(root, revoked === 'intermediate' ? [SERIALS.intermediate] : [])],
      [URLS.intermediateCrl, developmentCrl(intermediate, revoked === 'ak' ? [SERIALS.ak] : [])],
    ]),
  };
}

import { certificatePem } from '../x509/pem.js';
import { developmentCertificate, developmentCrl } from './development-certificate.js';
import type { DevelopmentAuthority } from './development-certificate.js';
import { pckExtension } from './pck-extension.js';
import { seededBytes, seededKey } from './seeded-keys.js';
import type { SeededKey } from './seeded-keys.js';

/** The certificates and keys Intel would hold for one machine. PEM chains end with the root. */
export interface DevelopmentTdxPki {
  /** Self-signed root CA, DER. */
  readonly root: Uint8Array;
  /** PCK leaf, PCK CA, root: what a quote carries. */
  readonly pckChainPem: string;
  /** PCK CA, root. */
  readonly pckCaChainPem: string;
  /** Signer of TCB info and QE identity, root. */
  readonly tcbSignerChainPem: string;
  /** Platform provisioning id, 16 bytes; the device id is its SHA-256. */
  readonly ppid: Uint8Array;
  readonly keys: {
    readonly root: SeededKey;
    readonly pckCa: SeededKey;
    readonly pck: SeededKey;
    readonly tcbSigner: SeededKey;
  };
}

/** Certificates a revocation list can name, and their serial numbers. */
const SERIALS = { root: 1, 'pck-ca': 2, 'tcb-signer': 3, pck: 4 } as const;

export type RevocableCertificate = Exclude<keyof typeof SERIALS, 'root'>;

const ROOT_NAME = 'Development TDX Root CA';
/** "Platform" is what tells verifiers which revocation list to ask for (spec/attestation.md section 6.2). */
const PCK_CA_NAME = 'Development TDX PCK Platform CA';

/**
 * The TDX PKI of a seed: byte-identical in every process, so that a verifier can be given the root once.
 * @throws TypeError unless `seed` is 32 bytes
 */
export function createDevelopmentTdxPki(seed: Uint8Array): DevelopmentTdxPki {
  const keys = {
    root: seededKey(seed, 'p256', 'tdx-root'),
    pckCa: seededKey(seed, 'p256', 'tdx-pck-ca'),
    pck: seededKey(seed, 'p256', 'tdx-pck'),
    tcbSigner: seededKey(seed, 'p256', 'tdx-tcb-signer'),
  };
  const ppid = seededBytes(seed, 'tdx-ppid', 16);
  const rootCa = { commonName: ROOT_NAME, key: keys.root, serial: SERIALS.root, isCa: true, extensions: [] };
  const pckCa = { commonName: PCK_CA_NAME, key: keys.pckCa, serial: SERIALS['pck-ca'], isCa: true, extensions: [] };
  const pck = { commonName: 'Development TDX PCK Certificate', key: keys.pck, serial: SERIALS.pck, isCa: false, extensions: [pckExtension(ppid)] };
  const tcbSigner = { commonName: 'Development TDX TCB Signing', key: keys.tcbSigner, serial: SERIALS['tcb-signer'], isCa: false, extensions: [] };
  const root = developmentCertificate(rootCa, rootCa);
  const rootPem = certificatePem(root);
  const pckCaChainPem = certificatePem(developmentCertificate(pckCa, rootCa)) + rootPem;
  return {
    root,
    pckChainPem: certificatePem(developmentCertificate(pck, pckCa)) + pckCaChainPem,
    pckCaChainPem,
    tcbSignerChainPem: certificatePem(developmentCertificate(tcbSigner, rootCa)) + rootPem,
    ppid,
    keys,
  };
}

/** The root's revocation list, DER; it lists the PCK CA or the TCB signer when that is the revoked one. */
export function rootCaCrl(pki: DevelopmentTdxPki, revoked: RevocableCertificate | null): Uint8Array {
  const issuer: DevelopmentAuthority = { commonName: ROOT_NAME, key: pki.keys.root };
  return developmentCrl(issuer, revoked === null || revoked === 'pck' ? [] : [SERIALS[revoked]]);
}

/** The PCK CA's revocation list, DER; it lists the PCK certificate when that is the revoked one. */
export function pckCrl(pki: DevelopmentTdxPki, revoked: RevocableCertificate | null): Uint8Array {
  const issuer: DevelopmentAuthority = { commonName: PCK_CA_NAME, key: pki.keys.pckCa };
  return developmentCrl(issuer, revoked === 'pck' ? [SERIALS.pck] : []);
}

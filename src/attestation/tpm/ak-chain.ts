import { VerificationError } from '../../errors/verification-error.js';
import { type Certificate, parseCertificate } from '../../x509/certificate.js';
import type { RevocationList } from '../../x509/crl.js';
import { pathConstraintsOf } from '../../x509/path-constraints.js';
import { publicKeyOf, verifyPath } from '../../x509/path.js';
import { issuerCertificateUrl, revocationListUrl } from '../../x509/published-urls.js';
import { RevocationChecker } from '../../x509/revocation.js';
import type { TimeWindow } from '../../x509/time-window.js';
import type { CertificateFetcher } from '../certificate-fetcher.js';
import { Published } from './published.js';

/** Usage the certificates of vTPM keys have where they have any: tcg-kp-EKCertificate (spec/attestation.md section 8). */
const EKU_VTPM = '2.23.133.8.1';
/** Certificates above an attestation key; Google's have one below the root. */
const MAX_INTERMEDIATES = 4;

export interface AkChainOptions {
  /** Unix seconds. */
  readonly now: number;
  /** DER certificate. */
  readonly root: Uint8Array;
  readonly certificates: CertificateFetcher;
}

/**
 * Does an attestation key's certificate lead to the vendor's root, nothing on the way revoked? The issuers' certificates and
 * revocation lists are looked up where the certificates say; one that names a list is refused without it.
 * @returns the validity of everything relied on
 * @throws VerificationError TPM_AK_URL_REFUSED, TPM_AK_CHAIN_TOO_LONG and the X.509 codes; CollateralError when something could not be had
 */
export async function verifyAkChain(leaf: Certificate, { now, root, certificates }: AkChainOptions): Promise<readonly TimeWindow[]> {
  const anchor = parseCertificate(root);
  const published = new Published(certificates);
  try {
    return await checkChain(leaf, { now, anchor, published });
  } finally {
    published.judge(anchor);
  }
}

interface ChainContext {
  readonly now: number;
  readonly anchor: Certificate;
  readonly published: Published;
}

async function checkChain(leaf: Certificate, { now, anchor, published }: ChainContext): Promise<readonly TimeWindow[]> {
  const intermediates = await issuersOf(leaf, anchor, published);
  const lists: RevocationList[] = [];
  for (const certificate of [leaf, ...intermediates, anchor]) {
    const url = revocationListUrl(certificate);
    if (url !== null) lists.push(await published.list(url));
  }
  const revocation = new RevocationChecker(lists, 'allowed-without-distribution-point');
  const rootWindow = revocation.check(anchor, pathConstraintsOf(anchor), { key: publicKeyOf(anchor, 'ec-or-rsa'), maySignCrls: true }, now);
  const path = verifyPath({ leaf, intermediates, anchor, now, extendedKeyUsage: EKU_VTPM, revocation, keys: 'ec-or-rsa' });
  return [rootWindow, ...path.windows];
}

/** Walks up from the leaf until a certificate names the anchor as its issuer, or does not say where its issuer's is. */
async function issuersOf(leaf: Certificate, anchor: Certificate, published: Published): Promise<Certificate[]> {
  const found: Certificate[] = [];
  for (let at = leaf; !sameBytes(at.issuerRaw, anchor.subjectRaw); ) {
    const url = issuerCertificateUrl(at);
    if (url === null) break;
    const issuer = await published.certificate(url);
    if (sameBytes(issuer.subjectRaw, issuer.issuerRaw)) break;
    if (found.length >= MAX_INTERMEDIATES) throw new VerificationError('TPM_AK_CHAIN_TOO_LONG', `more than ${MAX_INTERMEDIATES} certificates above the attestation key`);
    found.push(issuer);
    at = issuer;
  }
  return found;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

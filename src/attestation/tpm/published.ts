import { VerificationError } from '../../errors/verification-error.js';
import { type Certificate, parseCertificate } from '../../x509/certificate.js';
import { parseCrl, type RevocationList } from '../../x509/crl.js';
import { publicKeyOf } from '../../x509/path.js';
import { verifySignature } from '../../x509/signature.js';
import type { CertificateFetcher } from '../certificate-fetcher.js';

/** What was fetched for one verification: each URL once, so that certificates naming each other end the walk at the limit without further requests. */
export class Published {
  readonly #fetcher: CertificateFetcher;
  readonly #certificates = new Map<string, Certificate>();
  readonly #lists = new Map<string, RevocationList>();

  constructor(fetcher: CertificateFetcher) {
    this.#fetcher = fetcher;
  }

  /** @throws VerificationError TPM_AK_URL_REFUSED, CERTIFICATE_…; CollateralError */
  async certificate(url: string): Promise<Certificate> {
    const known = this.#certificates.get(url);
    if (known !== undefined) return known;
    const certificate = parseCertificate(await this.#fetcher.fetch(this.#allowed(url), 'certificate'));
    this.#certificates.set(url, certificate);
    return certificate;
  }

  /** @throws VerificationError TPM_AK_URL_REFUSED, CRL_MALFORMED; CollateralError */
  async list(url: string): Promise<RevocationList> {
    const known = this.#lists.get(url);
    if (known !== undefined) return known;
    const list = parseCrl(await this.#fetcher.fetch(this.#allowed(url), 'crl'));
    this.#lists.set(url, list);
    return list;
  }

  /**
   * Tells the fetcher what of all this the anchor vouches for. That does not depend on the certificate it was fetched for: a
   * list is genuine also where it says "revoked", and a forged leaf says nothing about the lists it names.
   */
  judge(anchor: Certificate): void {
    if (this.#fetcher.judge === undefined) return;
    const trusted = [anchor];
    const open = new Map(this.#certificates);
    for (let before = -1; before < trusted.length; ) {
      before = trusted.length;
      for (const [url, certificate] of open) {
        if (!isSignedByAny(trusted, certificate)) continue;
        trusted.push(certificate);
        open.delete(url);
      }
    }
    for (const url of this.#certificates.keys()) this.#fetcher.judge(url, 'certificate', !open.has(url));
    for (const [url, list] of this.#lists) this.#fetcher.judge(url, 'crl', isSignedByAny(trusted, list));
  }

  #allowed(url: string): string {
    if (this.#fetcher.allows(url)) return url;
    throw new VerificationError('TPM_AK_URL_REFUSED', 'a certificate of the attestation key names a host that is not configured');
  }
}

function isSignedByAny(issuers: readonly Certificate[], signed: Pick<Certificate, 'issuerRaw' | 'signatureAlgorithmOid' | 'tbs' | 'signature'>): boolean {
  return issuers.some((issuer) => Buffer.compare(issuer.subjectRaw, signed.issuerRaw) === 0 && isSignedBy(issuer, signed));
}

function isSignedBy(issuer: Certificate, { signatureAlgorithmOid, tbs, signature }: Pick<Certificate, 'signatureAlgorithmOid' | 'tbs' | 'signature'>): boolean {
  try {
    return verifySignature(publicKeyOf(issuer, 'ec-or-rsa'), signatureAlgorithmOid, tbs, signature);
  } catch (error) {
    if (error instanceof VerificationError) return false;
    throw error;
  }
}

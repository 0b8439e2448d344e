import { VerificationError } from '../../errors/verification-error.js';
import { type Certificate, parseCertificate } from '../../x509/certificate.js';
import { parseCrl, type RevocationList } from '../../x509/crl.js';
import type { CertificateFetcher } from '../certificate-fetcher.js';
import { isListOfAny, vouchedFor } from '../vouched.js';

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
    const vouched = vouchedFor(anchor, [...this.#certificates.values()]);
    for (const [url, certificate] of this.#certificates) this.#fetcher.judge(url, 'certificate', vouched.has(certificate));
    for (const [url, list] of this.#lists) this.#fetcher.judge(url, 'crl', isListOfAny(vouched, list));
  }

  #allowed(url: string): string {
    if (this.#fetcher.allows(url)) return url;
    throw new VerificationError('TPM_AK_URL_REFUSED', 'a certificate of the attestation key names a host that is not configured');
  }
}

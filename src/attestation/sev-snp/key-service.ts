import { CollateralError } from '../../errors/collateral-error.js';
import { VerificationError } from '../../errors/verification-error.js';
import { type Certificate, parseCertificate } from '../../x509/certificate.js';
import { parsePemChain } from '../../x509/pem.js';
import type { CertificateFetcher, PublishedKind } from '../certificate-fetcher.js';
import { vouchedFor } from '../vouched.js';
import { type Endorsement, readCertificate } from './certificates.js';
import { hardwareId, type SnpProduct, tcbOf } from './product.js';
import type { SnpReport } from './report.js';

/** Intermediate and root; a few more are read so that a service that adds one is not refused for it. */
const MAX_CHAIN = 4;

/** AMD's Key Distribution Service, or one that answers like it (AMD 57230, chapter 4; spec/attestation.md section 5.6). */
export class KeyService {
  readonly #base: string;
  readonly #fetcher: CertificateFetcher;
  /** What was fetched since the last judgement. */
  readonly #fetched: { readonly url: string; readonly kind: PublishedKind; readonly certificate: Certificate }[] = [];

  /** @param base address up to and with `/vcek/v1`, a slash at its end or not */
  constructor(base: string, fetcher: CertificateFetcher) {
    this.#base = base.replace(/\/+$/, '');
    this.#fetcher = fetcher;
  }

  /**
   * The certificate between root and signing key. The root that comes along is not looked at.
   * @throws CollateralError when it cannot be had or is none
   */
  async intermediate(product: SnpProduct, endorsement: Endorsement): Promise<Certificate> {
    const base = endorsement === 'vlek' ? this.#base.replace(/\/vcek\/v1$/, '/vlek/v1') : this.#base;
    return this.#fetch(`${base}/${product}/cert_chain`, 'amd-chain', (body) => {
      const [first = new Uint8Array()] = parsePemChain(Buffer.from(body).toString('latin1'), MAX_CHAIN);
      return parseCertificate(first);
    });
  }

  /**
   * The certificate of the chip's key at the firmware the report is of.
   * @throws CollateralError when it cannot be had or is none
   */
  async chipCertificate(product: SnpProduct, { chipId, reportedTcb }: Pick<SnpReport, 'chipId' | 'reportedTcb'>): Promise<Certificate> {
    const chip = hardwareId(product, chipId);
    if (chip.every((byte) => byte === 0)) throw new CollateralError('COLLATERAL_UNAVAILABLE', 'the amd sev-snp report hides its chip, whose certificate cannot be asked for then');
    const { fmc, bootLoader, tee, snp, microcode } = tcbOf(product, reportedTcb);
    const levels = `${fmc === null ? '' : `fmcSPL=${fmc}&`}blSPL=${bootLoader}&teeSPL=${tee}&snpSPL=${snp}&ucodeSPL=${microcode}`;
    return this.#fetch(`${this.#base}/${product}/${Buffer.from(chip).toString('hex')}?${levels}`, 'amd-vcek', readCertificate);
  }

  /** Tells the fetcher which of the answers since the last time the root vouches for. @param carried an intermediate that came with the report */
  judge(root: Certificate, carried: Certificate | null): void {
    const answers = this.#fetched.splice(0);
    if (this.#fetcher.judge === undefined || answers.length === 0) return;
    const vouched = vouchedFor(root, [...answers.map(({ certificate }) => certificate), ...(carried === null ? [] : [carried])]);
    for (const { url, kind, certificate } of answers) this.#fetcher.judge(url, kind, vouched.has(certificate));
  }

  async #fetch(url: string, kind: PublishedKind, read: (body: Uint8Array) => Certificate): Promise<Certificate> {
    const body = await this.#fetcher.fetch(url, kind);
    const certificate = usable(() => read(body));
    this.#fetched.push({ url, kind, certificate });
    return certificate;
  }
}

/** What a service answers is not evidence: an answer that cannot be read says nothing about any. */
function usable(read: () => Certificate): Certificate {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof VerificationError) throw new CollateralError('COLLATERAL_ANSWER_INVALID', 'the AMD key service did not answer with a certificate', { cause });
    throw cause;
  }
}

import { CollateralError } from '../../errors/collateral-error.js';
import { VerificationError } from '../../errors/verification-error.js';
import type { Certificate } from '../../x509/certificate.js';
import { verifyPath } from '../../x509/path.js';
import type { TimeWindow } from '../../x509/time-window.js';
import type { VerifyingKey } from '../../x509/verifying-key.js';
import type { SnpRoots } from '../trust-roots.js';
import type { CarriedCertificates, Endorsement } from './certificates.js';
import { type EndorsedKey, endorsedKeyOf } from './endorsement-extensions.js';
import type { KeyService } from './key-service.js';
import { hardwareId, productOf, SNP_PRODUCTS, type SnpProduct, tcbOf } from './product.js';
import type { SnpReport } from './report.js';
import { snpRoot } from './root.js';

export interface EndorseOptions {
  /** Unix seconds. */
  readonly now: number;
  readonly roots: SnpRoots;
  readonly service: KeyService;
  readonly endorsement: Endorsement;
}

/** A key AMD vouches for, and for how long. */
export interface EndorsedSigner {
  readonly key: VerifyingKey;
  readonly windows: readonly TimeWindow[];
}

/** Root and line of processors a report may be of. */
interface Candidate {
  readonly product: SnpProduct;
  readonly root: Certificate;
}

/**
 * The key that signs reports of this machine, certified up to a configured root; certificates that did not come along are
 * asked for. A report of version 2 does not say which line of processors it is of, so each one configured is tried.
 * @throws VerificationError SNP_ROOT_NOT_CONFIGURED, SNP_ROOT_INVALID, the SNP_CERTIFICATE_… and X.509 codes; when several lines were
 *   tried, what was wrong with the first; CollateralError when nothing could be had for any
 */
export async function endorseSigner(report: SnpReport, carried: CarriedCertificates, options: EndorseOptions): Promise<EndorsedSigner> {
  let refusal: VerificationError | null = null;
  let unavailable: CollateralError | null = null;
  for (const candidate of candidatesFor(report, carried, options.roots)) {
    try {
      return await endorseUnder(candidate, report, carried, options);
    } catch (error) {
      if (error instanceof VerificationError) refusal ??= error;
      else if (error instanceof CollateralError) unavailable ??= error;
      else throw error;
    } finally {
      options.service.judge(candidate.root, carried.intermediate);
    }
  }
  throw refusal ?? unavailable ?? rootNotConfigured();
}

function candidatesFor({ cpuId }: SnpReport, { intermediate }: CarriedCertificates, roots: SnpRoots): readonly Candidate[] {
  const products = cpuId === null ? SNP_PRODUCTS : [productOf(cpuId)];
  const configured = products.flatMap((product): Candidate[] => {
    const der = roots[product];
    return der === null ? [] : [{ product, root: snpRoot(der) }];
  });
  if (configured.length === 0) throw rootNotConfigured();
  // What came along names its root; with that one the reason of a refusal is the telling one.
  const named = configured.filter(({ root }) => intermediate !== null && isIssuer(root, intermediate));
  return named.length > 0 ? named : configured;
}

async function endorseUnder({ product, root }: Candidate, report: SnpReport, carried: CarriedCertificates, options: EndorseOptions): Promise<EndorsedSigner> {
  const { now, service, endorsement } = options;
  const leaf = carried.leaf ?? (await askedLeaf(product, report, options));
  const endorsed = endorsedKeyOf(leaf);
  if (endorsed !== null) checkEndorsed(endorsed, { product, report, endorsement });
  // A table may hold the intermediate of the other kind of key.
  const above = carried.intermediate;
  const intermediate = above !== null && isIssuer(above, leaf) ? above : await service.intermediate(product, endorsement);
  const { leafKey, windows } = verifyPath({ leaf, intermediates: [intermediate], anchor: root, now, extendedKeyUsage: null, revocation: null, keys: 'ec-or-rsa' });
  return { key: leafKey, windows };
}

async function askedLeaf(product: SnpProduct, report: SnpReport, { service, endorsement }: EndorseOptions): Promise<Certificate> {
  if (endorsement === 'vcek') return service.chipCertificate(product, report);
  throw new CollateralError('COLLATERAL_UNAVAILABLE', 'a VLEK certificate comes with the report or not at all: only the cloud provider can ask for it');
}

/** A key is for one chip or provider at one state of its firmware; that of the report must be it (AMD 57230, chapter 3). */
function checkEndorsed(endorsed: EndorsedKey, { product, report, endorsement }: { readonly product: SnpProduct; readonly report: SnpReport; readonly endorsement: Endorsement }): void {
  const isOfChip = endorsed.hardwareId !== null && !endorsed.ofProvider;
  const isOfProvider = endorsed.hardwareId === null && endorsed.ofProvider;
  if (!(endorsement === 'vcek' ? isOfChip : isOfProvider)) throw mismatch('SNP_CERTIFICATE_KIND_MISMATCH', `is not of a ${endorsement.toUpperCase()}`);
  if (endorsed.product !== product) throw mismatch('SNP_CERTIFICATE_PRODUCT_MISMATCH', `is of ${endorsed.product}, not ${product}`);
  if (endorsed.hardwareId !== null && Buffer.compare(endorsed.hardwareId, hardwareId(product, report.chipId)) !== 0) {
    throw mismatch('SNP_CERTIFICATE_CHIP_MISMATCH', 'is of another chip than the report');
  }
  const { fmc, bootLoader, tee, snp, microcode } = tcbOf(product, report.reportedTcb);
  const { tcb } = endorsed;
  const isSame = bootLoader === tcb.bootLoader && tee === tcb.tee && snp === tcb.snp && microcode === tcb.microcode && (fmc === null || fmc === tcb.fmc);
  if (!isSame) throw mismatch('SNP_CERTIFICATE_TCB_MISMATCH', 'is for other firmware than the report');
}

function isIssuer(issuer: Certificate, certificate: Certificate): boolean {
  return Buffer.compare(issuer.subjectRaw, certificate.issuerRaw) === 0;
}

type MismatchCode = 'SNP_CERTIFICATE_KIND_MISMATCH' | 'SNP_CERTIFICATE_PRODUCT_MISMATCH' | 'SNP_CERTIFICATE_CHIP_MISMATCH' | 'SNP_CERTIFICATE_TCB_MISMATCH';

function mismatch(code: MismatchCode, detail: string): VerificationError {
  return new VerificationError(code, `the certificate of the amd sev-snp signing key ${detail}`);
}

function rootNotConfigured(): VerificationError {
  return new VerificationError('SNP_ROOT_NOT_CONFIGURED', 'no amd sev-snp root is configured for this machine');
}

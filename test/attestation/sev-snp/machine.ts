import type { KeyObject } from 'node:crypto';
import type { CertificateFetcher } from '../../../src/attestation/certificate-fetcher.js';
import { hardwareId, type SnpProduct } from '../../../src/attestation/sev-snp/product.js';
import { parseSnpReport } from '../../../src/attestation/sev-snp/report.js';
import { type SnpOptions, verifySnpReport } from '../../../src/attestation/sev-snp/verify.js';
import { NO_SNP_ROOTS, type SnpRoots } from '../../../src/attestation/trust-roots.js';
import { CollateralError } from '../../../src/errors/collateral-error.js';
import { amdExtensions, type AmdExtensions, type Certified, certify, CHIP_ID, NOW, pem, rsa, snpReport, tcbBytes } from './mini-amd.js';

export const KDS = 'http://kds.test/vcek/v1';

/** Family and model of a processor of each line. */
const CPU: Readonly<Record<SnpProduct, readonly [number, number]>> = { Milan: [0x19, 0x01], Genoa: [0x19, 0x11], Turin: [0x1a, 0x02] };

export interface Machine {
  readonly product: SnpProduct;
  readonly root: Certified;
  readonly intermediate: Certified;
  readonly leaf: Certified;
  readonly roots: SnpRoots;
  /** A signed report of this machine. */
  report(options?: { readonly version?: number; readonly edit?: (report: Buffer) => void; readonly signedBy?: KeyObject }): Uint8Array;
}

export interface MachineOptions {
  readonly product?: SnpProduct;
  readonly kind?: 'vcek' | 'vlek';
  readonly keys?: 'ec' | 'rsa';
  /** Extensions of the leaf that are not the machine's; null for none at all. */
  readonly extensions?: AmdExtensions | null;
}

export function machine({ product = 'Milan', kind = 'vcek', keys = 'ec', extensions = {} }: MachineOptions = {}): Machine {
  const key = (): { key?: KeyObject } => (keys === 'rsa' ? { key: rsa() } : {});
  const root = certify(`ARK-${product}`, { ...key(), ca: true });
  const intermediate = certify(kind === 'vcek' ? `SEV-${product}` : `SEV-VLEK-${product}`, { ...key(), issuer: root, ca: true });
  const own: AmdExtensions = kind === 'vcek' ? { productName: `${product}-B0`, hardwareId: hardwareId(product, CHIP_ID) } : { productName: product, cspId: true };
  const leaf = certify(`SEV-${kind.toUpperCase()}`, { issuer: intermediate, extensions: extensions === null ? [] : amdExtensions({ ...own, ...extensions }) });
  return {
    product,
    root,
    intermediate,
    leaf,
    roots: { ...NO_SNP_ROOTS, [product]: root.der },
    report: ({ version = 3, edit, signedBy = leaf.key } = {}) =>
      snpReport({
        version,
        cpu: CPU[product],
        tcb: tcbBytes(product),
        signedBy,
        edit: (report) => {
          if (kind === 'vlek') report.writeUInt32LE(1 << 2, 0x48);
          edit?.(report);
        },
      }),
  };
}

/** A key service that has `answers` by URL, and what it was asked for. */
export function keyService(answers: Readonly<Record<string, Uint8Array>> = {}): { readonly asked: string[]; readonly judged: string[]; readonly fetcher: CertificateFetcher } {
  const asked: string[] = [];
  const judged: string[] = [];
  const fetcher: CertificateFetcher = {
    allows: () => false,
    fetch: async (url, kind) => {
      asked.push(`${kind} ${url}`);
      const found = answers[url];
      if (found === undefined) throw new CollateralError('COLLATERAL_UNAVAILABLE', 'not there');
      return found;
    },
    judge: (_url, kind, verified) => void judged.push(`${kind} ${verified}`),
  };
  return { asked, judged, fetcher };
}

export function verify(report: Uint8Array, chain: readonly Uint8Array[], options: Partial<SnpOptions>): ReturnType<typeof verifySnpReport> {
  return verifySnpReport(parseSnpReport(report), chain, { now: NOW, roots: NO_SNP_ROOTS, certificates: keyService().fetcher, kdsUrl: KDS, ...options });
}

/** The chain as most hosts send it. */
export const chainOf = ({ intermediate, leaf }: Machine): Uint8Array[] => [pem(intermediate.der), pem(leaf.der)];

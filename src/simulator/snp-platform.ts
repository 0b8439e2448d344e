import type { SnpProduct } from '../attestation/sev-snp/product.js';
import type { Endorsement } from '../attestation/sev-snp/certificates.js';
import { mrConfigHostData } from '../attestation/sev-snp/mr-config.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import type { DevelopmentApp } from './boot-events.js';
import { mrConfigDocument } from './mr-config.js';
import { type SnpCertificateForm, snpCertificateChain } from './snp-certificates.js';
import { snpLaunchDigest } from './snp-machine.js';
import { createDevelopmentSnpPki, type DevelopmentSnpPki } from './snp-pki.js';
import { DEFAULT_POLICY, signSnpReport } from './snp-report.js';
import { vmConfigOf } from './tdx-platform.js';

export interface DevelopmentSnpOptions {
  /** 32 bytes. */
  readonly seed: Uint8Array;
  /** What the host launched the guest for; bound to the report, and nothing is measured later. */
  readonly app: DevelopmentApp;
  /** OS image hash, 32 bytes; the launch digest follows from it. */
  readonly imageHash: Uint8Array;
  /** VmConfig JSON for the attestation's `config`; null for one that only names the image. */
  readonly vmConfig: string | null;
  /** Whether certificates come along; none unless given, so that verifiers ask the key service. */
  readonly certificates?: SnpCertificateForm;
  readonly product?: SnpProduct;
  readonly endorsement?: Endorsement;
  readonly reportVersion?: 2 | 3;
  /** Guest policy; a guest the host may debug, for one, has bit 19 set. */
  readonly policy?: bigint;
}

/** An SEV-SNP guest whose reports are signed by the development PKI of its seed. */
export interface DevelopmentSnp extends EvidenceSource {
  readonly variant: 'dstack-amd-sev-snp';
  readonly development: true;
  readonly pki: DevelopmentSnpPki;
  /** Development root of its line of processors, DER. */
  readonly root: Uint8Array;
}

/** @throws TypeError for a seed, image hash or identity of the wrong length. */
export function createDevelopmentSnp(options: DevelopmentSnpOptions): DevelopmentSnp {
  const { seed, app, imageHash, certificates = 'none', reportVersion = 3, policy = DEFAULT_POLICY } = options;
  if (imageHash.length !== 32) throw new TypeError('imageHash must be 32 bytes');
  const pki = createDevelopmentSnpPki(seed, options);
  const mrConfig = mrConfigDocument(app);
  const launch = { version: reportVersion, policy, measurement: snpLaunchDigest(imageHash), hostData: mrConfigHostData(mrConfig) };
  const certChain = snpCertificateChain(pki, certificates);
  const config = vmConfigOf(options);
  return {
    variant: 'dstack-amd-sev-snp',
    development: true,
    pki,
    root: pki.root,
    nsmDocument: null,
    emitEvent: null,
    async attest(reportData, signal) {
      if (reportData.length !== 64) throw new TypeError('reportData must be 64 bytes');
      signal?.throwIfAborted();
      const report = await signSnpReport({ ...launch, reportData }, pki);
      return {
        wire: 'v0',
        platform: { kind: 'sev-snp', report, certChain, mrConfig },
        stack: { kind: 'dstack', reportData: Uint8Array.from(reportData), runtimeEvents: [], config, reportDataPayload: null },
      };
    },
  };
}

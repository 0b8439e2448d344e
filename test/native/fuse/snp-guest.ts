import { mrConfigHostData } from '../../../src/attestation/sev-snp/mr-config.js';
import { mrConfigDocument } from '../../../src/simulator/mr-config.js';
import { snpCertificateChain } from '../../../src/simulator/snp-certificates.js';
import { snpLaunchDigest } from '../../../src/simulator/snp-machine.js';
import { createDevelopmentSnpPki } from '../../../src/simulator/snp-pki.js';
import { DEFAULT_POLICY, signSnpReport } from '../../../src/simulator/snp-report.js';
import { app, imageHash, seed } from './machine.js';
import { Tsm } from './tsm.js';

/** configfs-tsm of an SEV-SNP guest whose host hands it the certificates of its processor. */
export function createSnpTsm(): Tsm {
  const pki = createDevelopmentSnpPki(seed);
  const launch = { version: 3, policy: DEFAULT_POLICY, measurement: snpLaunchDigest(imageHash), hostData: mrConfigHostData(mrConfigDocument(app)) } as const;
  const [table = new Uint8Array()] = snpCertificateChain(pki, 'table');
  return new Tsm({ name: 'sev_guest', evidence: (reportData) => signSnpReport({ ...launch, reportData }, pki), auxiliary: () => table });
}

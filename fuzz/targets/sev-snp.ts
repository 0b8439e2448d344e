import { readCertificate } from '../../src/attestation/sev-snp/certificates.js';
import { parseCertificateTable } from '../../src/attestation/sev-snp/certificate-table.js';
import { keyProviderInfoOf, parseMrConfig } from '../../src/attestation/sev-snp/mr-config.js';
import { parseSnpReport } from '../../src/attestation/sev-snp/report.js';
import { anyOf, textOf } from '../engine/properties.js';
import { mutateJson } from '../engine/codec-mutator.js';
import { check, type Target } from '../engine/target.js';

const refusals = new Set([
  'SNP_CERTIFICATES_MALFORMED', 'SNP_REPORT_MALFORMED', 'SNP_REPORT_VERSION_UNSUPPORTED', 'SNP_SIGNATURE_ALGORITHM_UNSUPPORTED',
  'MR_CONFIG_MALFORMED', 'CERTIFICATE_MALFORMED', 'CERTIFICATE_VERSION_UNSUPPORTED', 'EXTENSION_DUPLICATE',
]);

/** Reports, certificate tables, single certificates and configuration documents of SEV-SNP guests. */
export const target: Target = {
  maxLength: 1 << 14,
  refusals,
  dictionary: [Uint8Array.of(2, 0, 0, 0), Uint8Array.of(3, 0, 0, 0), Uint8Array.of(1, 0, 0, 0), new Uint8Array(24)],
  mutators: [mutateJson],
  run: (input) =>
    anyOf(refusals, [
      () => check(parseSnpReport(input).signature.length === 96, 'a signature is of two scalars'),
      () => check([...parseCertificateTable(input).values()].every(({ length }) => length <= input.length), 'entries lie within the table'),
      () => void readCertificate(input),
      () => void keyProviderInfoOf(parseMrConfig(textOf(input))),
    ]),
};

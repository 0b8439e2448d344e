import { parsePckExtension, PCK_EXTENSION_OID } from '../../src/attestation/tdx/pck-extension.js';
import { decodeAppInfo, encodeAppInfo } from '../../src/x509/app-info-extension.js';
import { parseCertificate } from '../../src/x509/certificate.js';
import { readAppId, readAppInfo, readEvidence, readSpecialUsage } from '../../src/x509/dstack-extensions.js';
import { certificateDistributionPoints } from '../../src/x509/issuing-distribution-point.js';
import { mutateDer } from '../engine/der-mutator.js';
import { anyOf, sameBytes } from '../engine/properties.js';
import { check, type Target } from '../engine/target.js';

const refusals = new Set([
  'CERTIFICATE_MALFORMED', 'CERTIFICATE_VERSION_UNSUPPORTED', 'EXTENSION_DUPLICATE', 'EXTENSION_MALFORMED',
  'PCK_EXTENSION_MALFORMED', 'CRL_MALFORMED', 'DER_MALFORMED',
]);
const DISTRIBUTION_POINTS_OID = '2.5.29.31';

/** Certificates, and the extensions in them that this project reads. */
export const target: Target = {
  maxLength: 1 << 14,
  refusals,
  dictionary: [Uint8Array.of(0x30, 0x80), Uint8Array.of(0x04, 0x84, 0xff, 0xff, 0xff, 0xff), Uint8Array.of(0x99), Uint8Array.of(0xc4, 0)],
  mutators: [mutateDer],
  run: (input) => {
    const certificate = parseCertificate(input);
    const { extensions, spki } = certificate;
    check(Buffer.from(input).includes(Buffer.from(spki)), 'the key is part of the certificate');
    anyOf(refusals, [
      () => void readAppId(certificate),
      () => void readSpecialUsage(certificate),
      () => void readEvidence(certificate),
      () => {
        const info = readAppInfo(certificate);
        if (info === null) return;
        const written = encodeAppInfo(info);
        check(sameBytes(encodeAppInfo(decodeAppInfo(written)), written), 'the app info stays the same');
      },
      () => void certificateDistributionPoints(extensions.get(DISTRIBUTION_POINTS_OID)?.value ?? new Uint8Array()),
      () => void parsePckExtension(extensions.get(PCK_EXTENSION_OID)?.value ?? new Uint8Array()),
    ]);
  },
};

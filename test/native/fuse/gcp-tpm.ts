import { createPublicKey } from 'node:crypto';
import { seededKey, type SeededKey } from '../../../src/simulator/seeded-keys.js';
import { developmentCertificate } from '../../../src/simulator/development-certificate.js';
import { caIssuers, crlDistributionPoint } from '../../../src/x509/standard-extensions.js';
import { seed } from './machine.js';
import { firmwareLog, GCP_BOOT, measured } from './firmware-log.js';
import { NV, sized, u16, u32, withTpm } from './tpm-client.js';

/** Where Google keeps its attestation keys (spec/attestation.md section 1.7). */
export const GCP_NV = { rsaCert: 0x01c10000, rsaTemplate: 0x01c10001, eccCert: 0x01c10002, eccTemplate: 0x01c10003 } as const;

/** fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign. */
const SIGNER = 0x00050072;

const RESTRICTED_SIGNER = Buffer.concat([u16(0x000b), u32(SIGNER), u16(0)]);

/** TPMT_PUBLIC: no symmetric cipher, ECDSA with SHA-256 on P-256, no KDF. */
export const ECC_TEMPLATE: Buffer = Buffer.concat([u16(0x0023), RESTRICTED_SIGNER, Buffer.from('00100018000b00030010', 'hex'), sized(Buffer.alloc(32)), sized(Buffer.alloc(32))]);

/** TPMT_PUBLIC: no symmetric cipher, RSASSA with SHA-256, 2048 bits, usual exponent. */
export const RSA_TEMPLATE: Buffer = Buffer.concat([u16(0x0001), RESTRICTED_SIGNER, Buffer.from('00100014000b080000000000', 'hex'), sized(Buffer.alloc(256))]);

/** SubjectPublicKeyInfo, DER, of a TPMT_PUBLIC made by one of the templates. */
export function spkiOf(publicArea: Buffer): Uint8Array {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const jwk = (): Record<string, string> => {
    if (publicArea.readUInt16BE(0) === 0x0001) return { kty: 'RSA', n: base64(publicArea.subarray(-256)), e: 'AQAB' };
    return { kty: 'EC', crv: 'P-256', x: base64(publicArea.subarray(-66, -34)), y: base64(publicArea.subarray(-32)) };
  };
  return new Uint8Array(createPublicKey({ format: 'jwk', key: jwk() }).export({ type: 'spki', format: 'der' }));
}

/** A certificate of the development PKI (src/simulator/tpm-pki.ts) for a key the TPM made. */
export function certify(spki: Uint8Array): Uint8Array {
  const extensions = [caIssuers('http://vtpm.development.invalid/aia/intermediate.der'), crlDistributionPoint('http://vtpm.development.invalid/crl/intermediate.crl')];
  const issuer = { commonName: 'Development vTPM EK/AK CA', key: seededKey(seed, 'p256', 'tpm-intermediate') };
  const key: SeededKey = { ...seededKey(seed, 'p256', 'unused'), spki };
  return developmentCertificate({ commonName: 'Development vTPM attestation key', key, serial: 9, isCa: false, extensions }, issuer);
}

export interface GcpKeys {
  readonly ecc: boolean;
  readonly rsa: boolean;
}

/** Provisions the TPM as Google provisions its vTPMs; `attributes` are the TPMA_NV of the indices. */
export function provisionGcp(device: string, { ecc, rsa }: GcpKeys, attributes: number = NV.ownerRead | NV.authRead | NV.ownerWrite): Promise<void> {
  return withTpm(device, async (tpm) => {
    for (const [wanted, template, templateIndex, certIndex] of [
      [ecc, ECC_TEMPLATE, GCP_NV.eccTemplate, GCP_NV.eccCert],
      [rsa, RSA_TEMPLATE, GCP_NV.rsaTemplate, GCP_NV.rsaCert],
    ] as const) {
      if (!wanted) continue;
      const { publicArea } = await tpm.createPrimary(template);
      await tpm.defineNv(templateIndex, attributes, template);
      await tpm.defineNv(certIndex, attributes, certify(spkiOf(publicArea)));
    }
  });
}

/** Takes away every index `provisionGcp` may have made. */
export function unprovisionGcp(device: string): Promise<void> {
  return withTpm(device, async (tpm) => {
    for (const index of Object.values(GCP_NV)) await tpm.undefineNv(index).catch(() => {});
  });
}

/** What the firmware measures at a boot; returns its log. */
export function bootFirmware(device: string): Promise<Buffer> {
  return withTpm(device, async (tpm) => {
    for (const event of GCP_BOOT) await tpm.extendPcr(event.pcr, measured(event));
    return firmwareLog(GCP_BOOT);
  });
}

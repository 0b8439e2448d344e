import { TABLE_GUID } from '../attestation/sev-snp/certificate-table.js';
import { hardwareId } from '../attestation/sev-snp/product.js';
import { certificatePem } from '../x509/pem.js';
import { SNP_LEVELS } from './snp-machine.js';
import type { DevelopmentSnpPki } from './snp-pki.js';

/** How certificates travel with a report (spec/attestation.md section 5.6): left to the key service, two PEM texts, or the kernel's table. */
export type SnpCertificateForm = 'none' | 'pair' | 'table';

/** `certChain` of an attestation. */
export function snpCertificateChain({ intermediate, leaf, endorsement }: DevelopmentSnpPki, form: SnpCertificateForm): readonly Uint8Array[] {
  switch (form) {
    case 'none':
      return [];
    case 'pair':
      return [intermediate, leaf].map((der) => Uint8Array.from(Buffer.from(certificatePem(der), 'latin1')));
    case 'table':
      return [table([[TABLE_GUID.ask, intermediate], [TABLE_GUID[endorsement], leaf]])];
  }
}

/**
 * What AMD's Key Distribution Service answers for the machine: body by path and query (AMD 57230, chapter 4). It does not
 * answer for VLEK certificates, which only cloud providers can ask for.
 */
export function kdsAnswers({ product, endorsement, root, intermediate, leaf, chipId }: DevelopmentSnpPki): ReadonlyMap<string, Uint8Array> {
  const chain = Uint8Array.from(Buffer.from(certificatePem(intermediate) + certificatePem(root), 'latin1'));
  const answers = new Map<string, Uint8Array>([[`/${endorsement}/v1/${product}/cert_chain`, chain]]);
  if (endorsement === 'vlek') return answers;
  const { fmc, bootLoader, tee, snp, microcode } = SNP_LEVELS;
  const levels = `${product === 'Turin' ? `fmcSPL=${fmc}&` : ''}blSPL=${bootLoader}&teeSPL=${tee}&snpSPL=${snp}&ucodeSPL=${microcode}`;
  return answers.set(`/vcek/v1/${product}/${Buffer.from(hardwareId(product, chipId)).toString('hex')}?${levels}`, leaf);
}

/** GUID, offset and length of each entry, an entry of zeros, then the certificates (spec/attestation.md section 1.9). */
function table(entries: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  let offset = 24 * (entries.length + 1);
  const heads = entries.map(([guid, { length }]) => {
    const head = Buffer.alloc(24);
    head.set(Buffer.from(guid, 'hex'));
    head.writeUInt32LE(offset, 16);
    head.writeUInt32LE(length, 20);
    offset += length;
    return head;
  });
  return new Uint8Array(Buffer.concat([...heads, Buffer.alloc(24), ...entries.map(([, der]) => der)]));
}

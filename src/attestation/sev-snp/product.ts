import { VerificationError } from '../../errors/verification-error.js';

/** A line of AMD processors with a root key (ARK) of its own, as AMD's Key Distribution Service spells it. */
export type SnpProduct = 'Genoa' | 'Milan' | 'Turin';

/** In the order a report of version 2, which does not say where it is from, is tried (spec/attestation.md section 5.6). */
export const SNP_PRODUCTS: readonly SnpProduct[] = ['Genoa', 'Milan', 'Turin'];

/** Processor family and model of a report of version 3. */
export interface CpuId {
  readonly family: number;
  readonly model: number;
}

interface Line extends CpuId {
  readonly last: number;
  readonly product: SnpProduct;
}

/** `model` to `last` of each family (spec/attestation.md section 5.6). */
const LINES: readonly Line[] = [
  { family: 0x19, model: 0x00, last: 0x0f, product: 'Milan' },
  { family: 0x19, model: 0x10, last: 0x1f, product: 'Genoa' },
  { family: 0x19, model: 0xa0, last: 0xaf, product: 'Genoa' },
  { family: 0x1a, model: 0x00, last: 0x11, product: 'Turin' },
];

/** @throws VerificationError SNP_PRODUCT_UNKNOWN */
export function productOf({ family, model }: CpuId): SnpProduct {
  const line = LINES.find((candidate) => candidate.family === family && candidate.model <= model && model <= candidate.last);
  if (line !== undefined) return line.product;
  throw new VerificationError('SNP_PRODUCT_UNKNOWN', `no AMD product is known by family 0x${family.toString(16)}, model 0x${model.toString(16)}`);
}

/** Security patch levels of a TCB version; `fmc` is null where the product has none. */
export interface SnpTcb {
  readonly fmc: number | null;
  readonly bootLoader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
}

/** Reads the 8 bytes of a TCB_VERSION, whose layout is the product's (AMD 56860, section "TCB_VERSION"). */
export function tcbOf(product: SnpProduct, version: Uint8Array): SnpTcb {
  const at = (index: number): number => version[index] ?? 0;
  if (product === 'Turin') return { fmc: at(0), bootLoader: at(1), tee: at(2), snp: at(3), microcode: at(7) };
  return { fmc: null, bootLoader: at(0), tee: at(1), snp: at(6), microcode: at(7) };
}

/** The identifying part of CHIP_ID: Turin uses its first 8 bytes only (AMD 57230, section "VCEK"). */
export function hardwareId(product: SnpProduct, chipId: Uint8Array): Uint8Array {
  return product === 'Turin' ? chipId.subarray(0, 8) : chipId;
}

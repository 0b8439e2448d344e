import { createHash } from 'node:crypto';
import type { SnpProduct, SnpTcb } from '../attestation/sev-snp/product.js';
import { seededBytes } from './seeded-keys.js';

/** Family, model and stepping of a processor of each line. */
export const PROCESSORS: Readonly<Record<SnpProduct, readonly [number, number, number]>> = {
  Genoa: [0x19, 0x11, 0x01],
  Milan: [0x19, 0x01, 0x01],
  Turin: [0x1a, 0x02, 0x01],
};

/** Firmware of the one make of machine there is; every level differs, so that none can stand for another. */
export const SNP_LEVELS: Readonly<Record<keyof SnpTcb, number>> = { fmc: 1, bootLoader: 10, tee: 2, snp: 23, microcode: 84 };

/** TCB_VERSION, 8 bytes; its layout is the product's (AMD 56860, section "TCB_VERSION"). */
export function tcbVersion(product: SnpProduct): Uint8Array {
  const { fmc, bootLoader, tee, snp, microcode } = SNP_LEVELS;
  return product === 'Turin' ? Uint8Array.of(fmc, bootLoader, tee, snp, 0, 0, 0, microcode) : Uint8Array.of(bootLoader, tee, 0, 0, 0, 0, snp, microcode);
}

/** CHIP_ID of the machine of a seed, 64 bytes; Turin fills 8 of them (AMD 57230, section "VCEK"). */
export function developmentChipId(seed: Uint8Array, product: SnpProduct): Uint8Array {
  const chipId = new Uint8Array(64);
  chipId.set(seededBytes(seed, `snp-chip-id:${product}`, product === 'Turin' ? 8 : 64));
  return chipId;
}

/** Launch digest of a guest booted from an image, 48 bytes. @param imageHash 32 bytes */
export function snpLaunchDigest(imageHash: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha384').update('dstack-node development launch of image ').update(imageHash).digest());
}

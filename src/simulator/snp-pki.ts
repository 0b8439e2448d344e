import { hardwareId, type SnpProduct } from '../attestation/sev-snp/product.js';
import type { Endorsement } from '../attestation/sev-snp/certificates.js';
import { integer, tlv } from '../crypto/der-write.js';
import type { ExtensionToWrite } from '../x509/standard-extensions.js';
import { developmentCertificate, type DevelopmentAuthority } from './development-certificate.js';
import { seededKey, type SeededKey } from './seeded-keys.js';
import { developmentChipId, SNP_LEVELS } from './snp-machine.js';

/** The certificates and keys AMD would hold for one machine; P-384 throughout, where AMD's own authorities use RSA. */
export interface DevelopmentSnpPki {
  readonly product: SnpProduct;
  readonly endorsement: Endorsement;
  /** ARK: self-signed root CA, DER. */
  readonly root: Uint8Array;
  /** ASK, or ASVK above a VLEK, DER. */
  readonly intermediate: Uint8Array;
  /** VCEK or VLEK, DER. */
  readonly leaf: Uint8Array;
  readonly leafKey: SeededKey;
  /** 64 bytes. */
  readonly chipId: Uint8Array;
}

export interface SnpPkiOptions {
  readonly product?: SnpProduct;
  /** Key of the chip (VCEK) unless it is to be that of a cloud provider. */
  readonly endorsement?: Endorsement;
}

/** The line of processors development machines are of unless told otherwise. */
export const DEFAULT_PRODUCT: SnpProduct = 'Genoa';

/** AMD's arc (AMD 57230, table "VCEK Certificate Extensions"). */
const ARC = '1.3.6.1.4.1.3704.1';
const TAG_IA5_STRING = 0x16;

/**
 * The SEV-SNP PKI of a seed and a line of processors: byte-identical in every process.
 * @throws TypeError unless `seed` is 32 bytes
 */
export function createDevelopmentSnpPki(seed: Uint8Array, { product = DEFAULT_PRODUCT, endorsement = 'vcek' }: SnpPkiOptions = {}): DevelopmentSnpPki {
  const label = `${endorsement}:${product}`;
  const ark = authority(seed, product);
  const between: DevelopmentAuthority = { commonName: `Development SEV-${endorsement === 'vlek' ? 'VLEK-' : ''}${product}`, key: seededKey(seed, 'p384', `snp-above-${label}`) };
  const leafKey = seededKey(seed, 'p384', `snp-${label}`);
  const chipId = developmentChipId(seed, product);
  const extensions = endorsement === 'vcek' ? [...levels(product, `${product}-B1`), extension('4', hardwareId(product, chipId))] : [...levels(product, product), extension('5', ia5('development'))];
  return {
    product,
    endorsement,
    root: developmentSnpRoot(seed, product),
    intermediate: developmentCertificate({ ...between, serial: 1, isCa: true, extensions: [] }, ark),
    // AMD gives all of these the serial number 0.
    leaf: developmentCertificate({ commonName: `Development SEV-${endorsement.toUpperCase()}`, key: leafKey, serial: 0, isCa: false, extensions }, between),
    leafKey,
    chipId,
  };
}

/** The root (ARK) of one line of processors, DER. @throws TypeError unless `seed` is 32 bytes */
export function developmentSnpRoot(seed: Uint8Array, product: SnpProduct): Uint8Array {
  const ark = authority(seed, product);
  return developmentCertificate({ ...ark, serial: 1, isCa: true, extensions: [] }, ark);
}

function authority(seed: Uint8Array, product: SnpProduct): DevelopmentAuthority {
  return { commonName: `Development ARK-${product}`, key: seededKey(seed, 'p384', `snp-ark:${product}`) };
}

/** Structure version, product and security patch levels: what the key was derived for. */
function levels(product: SnpProduct, productName: string): ExtensionToWrite[] {
  const { fmc, bootLoader, tee, snp, microcode } = SNP_LEVELS;
  const numbered: readonly (readonly [string, number])[] = [['3.1', bootLoader], ['3.2', tee], ['3.3', snp], ['3.8', microcode], ...(product === 'Turin' ? [['3.9', fmc] as const] : [])];
  return [extension('1', integer(0)), extension('2', ia5(productName)), ...numbered.map(([suffix, level]) => extension(suffix, integer(level)))];
}

function extension(suffix: string, value: Uint8Array): ExtensionToWrite {
  return { oid: `${ARC}.${suffix}`, critical: false, value };
}

function ia5(text: string): Uint8Array {
  return tlv(TAG_IA5_STRING, Buffer.from(text, 'latin1'));
}

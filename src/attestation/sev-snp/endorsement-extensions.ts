import { DerError, readDer, TAG } from '../../crypto/der.js';
import { VerificationError } from '../../errors/verification-error.js';
import type { Certificate } from '../../x509/certificate.js';
import { SNP_PRODUCTS, type SnpProduct, type SnpTcb } from './product.js';

/** AMD's arc for what a VCEK or VLEK certificate says of its key (AMD 57230, table "VCEK Certificate Extensions"). */
const ARC = '1.3.6.1.4.1.3704.1.';
const OID = { productName: `${ARC}2`, bootLoader: `${ARC}3.1`, tee: `${ARC}3.2`, snp: `${ARC}3.3`, microcode: `${ARC}3.8`, fmc: `${ARC}3.9`, hardwareId: `${ARC}4`, cspId: `${ARC}5` } as const;
const HARDWARE_ID_LENGTHS: readonly number[] = [8, 64];
const TAG_IA5_STRING = 0x16;

/** The chip or cloud provider and the firmware a signing key was derived for. */
export interface EndorsedKey {
  readonly product: SnpProduct;
  readonly tcb: SnpTcb;
  /** 64 bytes, 8 on Turin; null in a VLEK certificate, which is of no chip. */
  readonly hardwareId: Uint8Array | null;
  /** Whether it names a cloud provider, as VLEK certificates alone do. */
  readonly ofProvider: boolean;
}

/**
 * What AMD's extensions of a VCEK or VLEK certificate say; null when it has none at all. AMD's own certificates always have
 * them, those of development PKIs seldom do: whoever holds the trust anchor vouches for the rest.
 * @throws VerificationError SNP_CERTIFICATE_EXTENSION_MALFORMED when one is missing or unreadable, SNP_PRODUCT_UNKNOWN
 */
export function endorsedKeyOf(certificate: Certificate): EndorsedKey | null {
  const { extensions } = certificate;
  if (![...extensions.keys()].some((oid) => oid.startsWith(ARC))) return null;
  const read = <T>(oid: string, parse: (value: Uint8Array) => T): T => {
    const value = extensions.get(oid)?.value;
    if (value === undefined) throw malformed(oid, 'is missing');
    return readable(oid, () => parse(value));
  };
  const level = (oid: string): number => read(oid, securityPatchLevel);
  return {
    product: productNamed(read(OID.productName, ia5Text)),
    tcb: {
      fmc: extensions.has(OID.fmc) ? level(OID.fmc) : null,
      bootLoader: level(OID.bootLoader),
      tee: level(OID.tee),
      snp: level(OID.snp),
      microcode: level(OID.microcode),
    },
    hardwareId: extensions.has(OID.hardwareId) ? read(OID.hardwareId, hardwareIdOf) : null,
    ofProvider: extensions.has(OID.cspId),
  };
}

/** `Milan-B0`, or `Milan`: the stepping after the dash says nothing about the root key. */
function productNamed(name: string): SnpProduct {
  const product = SNP_PRODUCTS.find((known) => known === name.split('-', 1)[0]);
  if (product !== undefined) return product;
  throw new VerificationError('SNP_PRODUCT_UNKNOWN', 'the certificate of the signing key names no known AMD product');
}

function ia5Text(value: Uint8Array): string {
  return Buffer.from(readDer(value, TAG_IA5_STRING).value).toString('latin1');
}

/** An INTEGER from 0 to 255. */
function securityPatchLevel(value: Uint8Array): number {
  const octets = readDer(value, TAG.integer).value;
  const [first = 0, second] = octets;
  if (octets.length === 1 && first < 0x80) return first;
  if (octets.length === 2 && first === 0 && second !== undefined && second >= 0x80) return second;
  throw new DerError('not an integer from 0 to 255');
}

/** AMD writes the bare bytes where its specification has an OCTET STRING; both are read. */
function hardwareIdOf(value: Uint8Array): Uint8Array {
  const id = HARDWARE_ID_LENGTHS.includes(value.length) ? value : readDer(value, TAG.octetString).value;
  if (!HARDWARE_ID_LENGTHS.includes(id.length)) throw new DerError(`${id.length} bytes, neither 8 nor 64`);
  return id;
}

function readable<T>(oid: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (cause instanceof DerError) throw malformed(oid, 'is malformed', cause);
    throw cause;
  }
}

function malformed(oid: string, detail: string, cause?: unknown): VerificationError {
  return new VerificationError('SNP_CERTIFICATE_EXTENSION_MALFORMED', `extension ${oid} of the amd sev-snp signing key's certificate ${detail}`, { cause });
}

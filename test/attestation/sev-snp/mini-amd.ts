import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { bitString, contextConstructed, integer, octetString, oid, sequence, time, tlv } from '../../../src/crypto/der-write.js';
import type { SnpProduct } from '../../../src/attestation/sev-snp/product.js';
import { basicConstraints, extensionDer, type ExtensionToWrite } from '../../../src/x509/standard-extensions.js';
import { name } from '../../x509/mini-ca.js';

/** Everything below is valid at this time (unix seconds). */
export const NOW = 1_800_000_000;
export const LEAF_ENDS = NOW + 7 * 86_400;

const ARC = '1.3.6.1.4.1.3704.1.';
const SHA384 = sequence(oid('2.16.840.1.101.3.4.2.2'), tlv(0x05));
const ECDSA_SHA384 = sequence(oid('1.2.840.10045.4.3.3'));

/** RSASSA-PSS as AMD writes it, with `salt` octets of salt. */
export function pssIdentifier(salt = 48): Uint8Array {
  const mgf1 = sequence(oid('1.2.840.113549.1.1.8'), SHA384);
  const trailer = contextConstructed(3, integer(1));
  return sequence(oid('1.2.840.113549.1.1.10'), sequence(contextConstructed(0, SHA384), contextConstructed(1, mgf1), contextConstructed(2, integer(salt)), trailer));
}

export interface Certified {
  readonly subject: string;
  readonly key: KeyObject;
  readonly der: Uint8Array;
}

export interface CertifyOptions {
  readonly key?: KeyObject;
  /** Self-signed when null. */
  readonly issuer?: Pick<Certified, 'subject' | 'key'> | null;
  readonly ca?: boolean;
  readonly notAfter?: number;
  readonly extensions?: readonly ExtensionToWrite[];
  /** AlgorithmIdentifier in place of the one that goes with the issuer's key. */
  readonly identifier?: Uint8Array;
}

export const p384 = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
export const rsa = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

/** A certificate with serial number 0, as AMD's have, signed with RSASSA-PSS or ECDSA by the issuer's kind of key. */
export function certify(subject: string, { key = p384(), issuer = null, ca = false, notAfter = LEAF_ENDS, extensions = [], identifier }: CertifyOptions = {}): Certified {
  const by = issuer ?? { subject, key };
  const isRsa = by.key.asymmetricKeyType === 'rsa';
  const algorithm = identifier ?? (isRsa ? pssIdentifier() : ECDSA_SHA384);
  const all = [...(ca ? [basicConstraints(true, null)] : []), ...extensions];
  const tbs = sequence(
    contextConstructed(0, integer(2)),
    integer(0),
    algorithm,
    name(by.subject),
    sequence(time(NOW - 86_400), time(notAfter)),
    name(subject),
    new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' })),
    ...(all.length === 0 ? [] : [contextConstructed(3, sequence(...all.map(extensionDer)))]),
  );
  const signature = isRsa ? sign('sha384', tbs, { key: by.key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }) : sign('sha384', tbs, by.key);
  return { subject, key, der: sequence(tbs, algorithm, bitString(signature)) };
}

/** TCB of every machine here; its bytes differ, so that none can stand for another. */
const LEVELS: Readonly<Record<string, number>> = { fmc: 1, bl: 4, tee: 2, snp: 24, ucode: 219 };

export function tcbBytes(product: SnpProduct): Uint8Array {
  const { fmc = 0, bl = 0, tee = 0, snp = 0, ucode = 0 } = LEVELS;
  return Uint8Array.from(product === 'Turin' ? [fmc, bl, tee, snp, 0, 0, 0, ucode] : [bl, tee, 0, 0, 0, 0, snp, ucode]);
}

export interface AmdExtensions {
  readonly productName?: string;
  readonly levels?: Readonly<Record<string, number>>;
  /** Written bare, as AMD does, unless `wrapped`. */
  readonly hardwareId?: Uint8Array | null;
  readonly wrapped?: boolean;
  readonly cspId?: boolean;
}

export function amdExtensions({ productName = 'Milan-B0', levels = LEVELS, hardwareId = null, wrapped = false, cspId = false }: AmdExtensions): ExtensionToWrite[] {
  const extension = (suffix: string, value: Uint8Array): ExtensionToWrite => ({ oid: ARC + suffix, critical: false, value });
  const suffixes = { bl: '3.1', tee: '3.2', snp: '3.3', ucode: '3.8', fmc: '3.9' } as const;
  return [
    extension('1', integer(0)),
    extension('2', tlv(0x16, Buffer.from(productName))),
    ...Object.entries(suffixes).flatMap(([part, suffix]) => (levels[part] === undefined ? [] : [extension(suffix, integer(levels[part]))])),
    ...(hardwareId === null ? [] : [extension('4', wrapped ? octetString(hardwareId) : hardwareId)]),
    ...(cspId ? [extension('5', tlv(0x16, Buffer.from('cloud')))] : []),
  ];
}

export const CHIP_ID = Uint8Array.from({ length: 64 }, (_, i) => i + 1);

export interface ReportOptions {
  readonly version?: number;
  readonly cpu?: readonly [family: number, model: number];
  readonly tcb?: Uint8Array;
  readonly signedBy: KeyObject;
  /** Changes the report before it is signed. */
  readonly edit?: (report: Buffer) => void;
}

/** A report of 1184 bytes of a guest nothing is to be said against. */
export function snpReport({ version = 3, cpu = [0x19, 0x01], tcb = tcbBytes('Milan'), signedBy, edit }: ReportOptions): Uint8Array {
  const report = Buffer.alloc(1184);
  report.writeUInt32LE(version, 0);
  report.writeBigUInt64LE(0x3_0000n, 0x08);
  report.writeUInt32LE(1, 0x34);
  for (const offset of [0x38, 0x180, 0x1e0, 0x1f0]) report.set(tcb, offset);
  report.writeBigUInt64LE(1n, 0x40);
  report.fill(0xab, 0x50, 0x90);
  report.fill(0x5a, 0x90, 0xc0);
  if (version >= 3) report.set(cpu, 0x188);
  report.set(CHIP_ID, 0x1a0);
  edit?.(report);
  return signReport(report, signedBy);
}

export function signReport(report: Buffer, key: KeyObject): Uint8Array {
  const signature = sign('sha384', report.subarray(0, 0x2a0), { key, dsaEncoding: 'ieee-p1363' });
  report.set(signature.subarray(0, 48).toReversed(), 0x2a0);
  report.set(signature.subarray(48).toReversed(), 0x2a0 + 72);
  return Uint8Array.from(report);
}

export function pem(der: Uint8Array): Uint8Array {
  return Buffer.from(`-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64').replace(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`);
}

/** A kernel certificate table of entries by GUID (hex). */
export function table(entries: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const list = Object.entries(entries);
  let offset = 24 * (list.length + 1);
  const head = Buffer.alloc(offset);
  for (const [i, [guid, bytes]] of list.entries()) {
    head.set(Buffer.from(guid, 'hex'), 24 * i);
    head.writeUInt32LE(offset, 24 * i + 16);
    head.writeUInt32LE(bytes.length, 24 * i + 20);
    offset += bytes.length;
  }
  return Buffer.concat([head, ...list.map(([, bytes]) => bytes)]);
}

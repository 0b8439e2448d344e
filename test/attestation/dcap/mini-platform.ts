import { createHash, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { QuoteCollateral } from '../../../src/attestation/collateral.js';
import { integer, octetString, oid, sequence } from '../../../src/crypto/der-write.js';
import { certificate, crl, enumerated, extension, pem, rawPoint, testKey } from '../../x509/mini-ca.js';
import type { TestExtension } from '../../x509/mini-ca.js';

/** Every document below is valid at this time (unix seconds). */
export const NOW = 1_800_000_000;
const ISSUED = '2027-01-14T00:00:00Z'; // a day before NOW
const NEXT = '2027-02-14T00:00:00Z';

const SGX = '1.2.840.113741.1.13.1';
export const PPID = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

export function pckExtension(parts: { cpuSvn?: number[]; pceSvn?: Uint8Array; fmspc?: number[]; ppid?: Uint8Array } = {}): TestExtension {
  const { cpuSvn = Array<number>(16).fill(5), pceSvn = integer(11), fmspc = [0, 1, 2, 3, 4, 5], ppid = PPID } = parts;
  const entry = (suffix: string, value: Uint8Array): Uint8Array => sequence(oid(`${SGX}.${suffix}`), value);
  return {
    oid: SGX,
    value: sequence(
      entry('1', octetString(ppid)),
      entry('2', sequence(entry('2.17', pceSvn), entry('2.18', octetString(Uint8Array.from(cpuSvn))))),
      entry('3', octetString(Uint8Array.of(0, 0))),
      entry('4', octetString(Uint8Array.from(fmspc))),
      entry('5', enumerated(1)),
    ),
  };
}

export const rootKey = testKey('root');
export const root = certificate({ subject: 'Test SGX Root CA', key: rootKey, serial: 1, extensions: [extension.ca(), extension.keyUsage(0x06)] });
export const pckCa = certificate({ subject: 'Test SGX PCK Platform CA', key: testKey('pck-ca'), issuer: root, serial: 2, extensions: [extension.ca(0), extension.keyUsage(0x06)] });
export const pckLeaf = certificate({ subject: 'Test SGX PCK', key: testKey('pck'), issuer: pckCa, serial: 3, extensions: [pckExtension()] });
export const tcbSigner = certificate({ subject: 'Test TCB Signing', key: testKey('tcb'), issuer: root, serial: 4 });
export const attestationKey = testKey('attestation');

const rootCrl = crl({ issuer: root });
const pckCrl = crl({ issuer: pckCa });

type Json = Record<string, unknown>;

export interface Level {
  readonly sgx?: readonly number[];
  readonly tdx?: readonly number[] | null;
  readonly pcesvn?: number;
  readonly status?: string;
  readonly advisories?: readonly string[];
}

export function level({ sgx = Array<number>(16).fill(0), tdx = Array<number>(16).fill(0), pcesvn = 0, status = 'UpToDate', advisories }: Level = {}): Json {
  return {
    tcb: {
      sgxtcbcomponents: sgx.map((svn) => ({ svn })),
      pcesvn,
      ...(tdx === null ? {} : { tdxtcbcomponents: tdx.map((svn) => ({ svn })) }),
    },
    tcbDate: ISSUED,
    tcbStatus: status,
    ...(advisories === undefined ? {} : { advisoryIDs: advisories }),
  };
}

const ZERO48 = '00'.repeat(48);
export const BASE_MODULE = { mrsigner: ZERO48, attributes: '00'.repeat(8), attributesMask: 'FF'.repeat(8) };

export function tcbInfo(changes: Json = {}): Json {
  return {
    id: 'TDX',
    version: 3,
    issueDate: ISSUED,
    nextUpdate: NEXT,
    fmspc: '000102030405',
    pceId: '0000',
    tcbType: 0,
    tcbEvaluationDataNumber: 17,
    tdxModule: BASE_MODULE,
    tcbLevels: [level()],
    ...changes,
  };
}

export function sgxTcbInfo(changes: Json = {}): Json {
  const { tdxModule: _, ...rest } = tcbInfo({ id: 'SGX', tcbLevels: [level({ tdx: null })], ...changes });
  return rest;
}

export function isvLevel(isvsvn: number, status = 'UpToDate', advisoryIDs: readonly string[] = []): Json {
  return { tcb: { isvsvn }, tcbDate: ISSUED, tcbStatus: status, advisoryIDs };
}

export function qeIdentity(changes: Json = {}): Json {
  return {
    id: 'TD_QE',
    version: 2,
    issueDate: ISSUED,
    nextUpdate: NEXT,
    tcbEvaluationDataNumber: 17,
    miscselect: '00000000',
    miscselectMask: 'FFFFFFFF',
    attributes: '11' + '00'.repeat(15),
    attributesMask: 'FB' + 'FF'.repeat(7) + '00'.repeat(8),
    mrsigner: '44'.repeat(32),
    isvprodid: 2,
    tcbLevels: [isvLevel(4)],
    ...changes,
  };
}

/** Valid collateral; documents are given as objects or, to break them, as texts. */
export function collateral(documents: { tcb?: Json | string; qe?: Json | string; changes?: Partial<QuoteCollateral> } = {}): QuoteCollateral {
  const text = (document: Json | string): string => (typeof document === 'string' ? document : JSON.stringify(document));
  const tcbText = text(documents.tcb ?? tcbInfo());
  const qeText = text(documents.qe ?? qeIdentity());
  return {
    pckCrlIssuerChain: pem(pckCa, root),
    rootCaCrl: rootCrl,
    pckCrl,
    tcbInfoIssuerChain: pem(tcbSigner, root),
    tcbInfo: tcbText,
    tcbInfoSignature: rawSign(tcbSigner.key, Buffer.from(tcbText)),
    qeIdentityIssuerChain: pem(tcbSigner, root),
    qeIdentity: qeText,
    qeIdentitySignature: rawSign(tcbSigner.key, Buffer.from(qeText)),
    pckCertificateChain: null,
    ...documents.changes,
  };
}

export function rawSign(key: KeyObject, data: Uint8Array): Uint8Array {
  return new Uint8Array(sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }));
}

export interface QuoteOptions {
  readonly version?: 3 | 4 | 5;
  readonly tee?: number;
  readonly keyType?: number;
  readonly vendor?: string;
  /** Version 5 only: 1 SGX, 2 TD 1.0, 3 TD 1.5. */
  readonly bodyType?: number;
  /** Changes the body before it is signed. */
  readonly body?: (body: Buffer) => void;
  /** Changes the QE report before it is signed. */
  readonly qeReport?: (report: Buffer) => void;
  readonly qeAuthData?: Uint8Array;
  readonly certification?: { readonly type: number; readonly data: Uint8Array };
  readonly pckKey?: KeyObject;
  readonly attestationKey?: KeyObject;
  /** Replaces the public attestation key in the quote. */
  readonly attestationPoint?: Uint8Array;
}

const u16 = (value: number): Buffer => Buffer.from([value & 0xff, value >> 8]);
const u32 = (value: number): Buffer => Buffer.concat([u16(value & 0xffff), u16(value >>> 16)]);

/** A quote that verifies with `collateral()` unless told otherwise. */
export function quote(options: QuoteOptions = {}): Uint8Array {
  const { version = 4, tee = version === 3 ? 0 : 0x81, keyType = 2, vendor = '939a7233f79c4ca9940a0db3957f0607', bodyType = 3 } = options;
  const header = Buffer.concat([u16(version), u16(keyType), u32(tee), u16(0), u16(0), Buffer.from(vendor, 'hex'), Buffer.alloc(20)]);
  const isSgxBody = version === 5 ? bodyType === 1 : tee === 0;
  const body = Buffer.alloc(isSgxBody ? 384 : version === 5 && bodyType === 3 ? 648 : 584);
  if (!isSgxBody) body[120 + 3] = 0x10; // SEPT_VE_DISABLE
  body.fill(0xab, isSgxBody ? 320 : 520, isSgxBody ? 384 : 584);
  options.body?.(body);
  const descriptor = version === 5 ? Buffer.concat([u16(bodyType), u32(body.length)]) : Buffer.alloc(0);
  const signedRegion = Buffer.concat([header, descriptor, body]);
  const authData = authBytes(options, signedRegion, version !== 3);
  return new Uint8Array(Buffer.concat([signedRegion, u32(authData.length), authData]));
}

function authBytes(options: QuoteOptions, signedRegion: Uint8Array, nested: boolean): Buffer {
  const { qeAuthData = new Uint8Array(32).fill(7), pckKey = pckLeaf.key } = options;
  const key = options.attestationKey ?? attestationKey;
  const point = options.attestationPoint ?? rawPoint(key);
  const certification = options.certification ?? { type: 5, data: Buffer.from(`${pem(pckLeaf, pckCa, root)}\0`) };
  const qe = Buffer.alloc(384);
  qe[48] = 0x11;
  qe.fill(0x44, 128, 160);
  qe.writeUInt16LE(2, 256);
  qe.writeUInt16LE(4, 258);
  createHash('sha256').update(point).update(qeAuthData).digest().copy(qe, 320);
  options.qeReport?.(qe);
  const part = Buffer.concat([
    qe,
    rawSign(pckKey, qe),
    u16(qeAuthData.length),
    qeAuthData,
    u16(certification.type),
    u32(certification.data.length),
    certification.data,
  ]);
  const outer = nested ? Buffer.concat([u16(6), u32(part.length)]) : Buffer.alloc(0);
  return Buffer.concat([rawSign(key, signedRegion), point, outer, part]);
}

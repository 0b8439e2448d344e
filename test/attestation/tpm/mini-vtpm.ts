import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { PcrValue, TpmQuote } from '../../../src/attestation/evidence/attestation.js';
import { certify, NOW } from '../sev-snp/mini-amd.js';

export { NOW };

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
/** A TPM2B: length, then the bytes. */
export const sized = (bytes: Uint8Array): Buffer => Buffer.concat([u16(bytes.length), bytes]);

export interface AttestOptions {
  readonly magic?: number;
  readonly type?: number;
  readonly extraData?: Uint8Array;
  /** TPM_ALG_ID of the bank and bitmap of each selection. */
  readonly selections?: readonly (readonly [algorithm: number, bitmap: Uint8Array])[];
  readonly pcrDigest: Uint8Array;
}

/** PCR 0, 2 and 14. */
export const BITMAP = Uint8Array.of(0x05, 0x40, 0x00);

export function attest({ magic = 0xff544347, type = 0x8018, extraData = new Uint8Array(32), selections = [[0x000b, BITMAP]], pcrDigest }: AttestOptions): Uint8Array {
  return Buffer.concat([
    u32(magic),
    u16(type),
    sized(Buffer.from('name')),
    sized(extraData),
    new Uint8Array(8 + 4 + 4 + 1 + 8),
    u32(selections.length),
    ...selections.flatMap(([algorithm, bitmap]) => [u16(algorithm), Uint8Array.of(bitmap.length), bitmap]),
    sized(pcrDigest),
  ]);
}

export const pcr = (index: number, byte: number, length = 32): PcrValue => ({ index, algorithm: 'sha256', value: new Uint8Array(length).fill(byte) });
export const PCRS: readonly PcrValue[] = [pcr(0, 1), pcr(2, 2), pcr(14, 3)];

export function digestOf(pcrs: readonly PcrValue[]): Uint8Array {
  const hash = createHash('sha256');
  for (const { value } of pcrs) hash.update(value);
  return hash.digest();
}

const KEYS = {
  ecc: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
} as const;

/** A signing key, its certificate under a root of its own, and the structure its signatures have. */
export interface Ak {
  readonly key: KeyObject;
  readonly cert: Uint8Array;
  readonly root: Uint8Array;
}

export function ak(kind: keyof typeof KEYS): Ak {
  const root = certify('vTPM root', { ca: true });
  const { privateKey: key } = KEYS[kind]();
  return { key, cert: certify('vTPM key', { key, issuer: root }).der, root: root.der };
}

/** TPMT_SIGNATURE of the key over `message`; `algorithm` and `hash` as they are written, whatever was done. */
export function tpmSignature(key: KeyObject, message: Uint8Array, written: { readonly algorithm?: number; readonly hash?: number } = {}): Uint8Array {
  const isRsa = key.asymmetricKeyType === 'rsa';
  const { algorithm = isRsa ? 0x0014 : 0x0018, hash = 0x000b } = written;
  const head = [u16(algorithm), u16(hash)];
  if (isRsa) return Buffer.concat([...head, sized(sign('sha256', message, key))]);
  const raw = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' });
  return Buffer.concat([...head, sized(raw.subarray(0, raw.length / 2)), sized(raw.subarray(raw.length / 2))]);
}

export interface QuoteOptions extends Partial<AttestOptions> {
  readonly ak: Ak;
  readonly pcrs?: readonly PcrValue[];
  readonly eventLog?: TpmQuote['eventLog'];
}

/** A quote nothing is to be said against, unless `options` say it. */
export function tpmQuote({ ak: signer, pcrs = PCRS, eventLog = [], ...options }: QuoteOptions): TpmQuote {
  const message = attest({ pcrDigest: digestOf(pcrs), ...options });
  return { message, signature: tpmSignature(signer.key, message), pcrValues: pcrs, akCert: signer.cert, platform: 'gcp', eventLog };
}

import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { encode } from 'cborg';
import { buildCertificate } from '../../../src/x509/build.js';
import { subjectNameDer } from '../../../src/x509/name.js';
import { ecdsaSigner } from '../../../src/x509/signer.js';
import { basicConstraints, extendedKeyUsage } from '../../../src/x509/standard-extensions.js';

/** Unix milliseconds of every document made here. */
export const MADE_AT_MS = 1_700_000_000_123;

interface Certified {
  readonly der: Uint8Array;
  readonly key: KeyObject;
  readonly name: Uint8Array;
}

export interface CertificateOptions {
  readonly ca?: boolean;
  readonly curve?: 'P-384' | 'P-256';
  readonly notAfter?: number;
  readonly usages?: readonly string[];
}

/** A certificate of `commonName`, self-signed unless `issuer` is given, valid for a day around MADE_AT_MS. */
export function certify(commonName: string, issuer: Certified | null, { ca = false, curve = 'P-384', notAfter = MADE_AT_MS / 1000 + 86_400, usages = [] }: CertificateOptions = {}): Certified {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const name = subjectNameDer({ organization: null, commonName });
  const der = buildCertificate({
    serial: Uint8Array.of(7),
    issuer: issuer?.name ?? name,
    subject: name,
    notBefore: MADE_AT_MS / 1000 - 86_400,
    notAfter,
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    extensions: [basicConstraints(ca, null), ...(usages.length > 0 ? [extendedKeyUsage(usages)] : [])],
    signer: ecdsaSigner(issuer?.key ?? privateKey),
  });
  return { der, key: privateKey, name };
}

export const root = certify('test root', null, { ca: true });
export const intermediate = certify('test intermediate', root, { ca: true });
export const leaf = certify('test leaf', intermediate);

export type Payload = Record<string, unknown>;

/** Fields of a document every check passes. */
export function payload(changes: Payload = {}): Payload {
  return {
    module_id: 'i-0123456789abcdef0-enc0123',
    digest: 'SHA384',
    timestamp: MADE_AT_MS,
    pcrs: new Map(Array.from({ length: 32 }, (_, i) => [i, new Uint8Array(48).fill(i + 1)])),
    certificate: leaf.der,
    cabundle: [root.der, intermediate.der],
    public_key: null,
    user_data: new Uint8Array(64).fill(0xaa),
    nonce: null,
    ...changes,
  };
}

export interface Envelope {
  /** Protected header, encoded. */
  readonly header?: Uint8Array;
  readonly key?: KeyObject;
  readonly unprotected?: unknown;
}

export const ES384_HEADER = Uint8Array.from([0xa1, 0x01, 0x38, 0x22]);

/** COSE_Sign1 over an encoded payload. */
export function seal(encoded: Uint8Array, { header = ES384_HEADER, key = leaf.key, unprotected = new Map() }: Envelope = {}): Uint8Array {
  const covered = encode(['Signature1', header, new Uint8Array(), encoded]);
  const hash = key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'sha384' : 'sha256';
  const signature = Uint8Array.from(sign(hash, covered, { key, dsaEncoding: 'ieee-p1363' }));
  return encode([header, unprotected, encoded, signature]);
}

export const document = (changes: Payload = {}, envelope: Envelope = {}): Uint8Array => seal(encode(payload(changes)), envelope);

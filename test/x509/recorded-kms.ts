import { readFileSync } from 'node:fs';
import type { P256Key } from '../../src/crypto/p256.js';
import { p256KeyFromPem } from '../../src/crypto/p256-pem.js';
import { parseCertificate } from '../../src/x509/certificate.js';
import type { Certificate } from '../../src/x509/certificate.js';
import { parsePemChain } from '../../src/x509/pem.js';
import type { Validity } from '../../src/x509/validity.js';

/** Text of a file in the key directory of an existing KMS. */
export const directoryText = (name: string): string => readFileSync(new URL(`../vectors/kms/dir/${name}`, import.meta.url), 'latin1');
export const directoryKey = (name: string): P256Key => p256KeyFromPem(directoryText(name));
export const certificateOf = (pem: string): Certificate => parseCertificate(parsePemChain(pem, 1)[0] ?? new Uint8Array(0));
export const directoryCertificate = (name: string): Certificate => certificateOf(directoryText(name));
export const validityOf = ({ notBefore, notAfter }: Certificate): Validity => ({ notBefore, notAfter });

/** A call of SignCert to that KMS and its answer: a certificate chain, or an error. */
export interface RecordedSignCert {
  readonly case: string;
  readonly request: { readonly api_version: number; readonly csr: string; readonly signature: string };
  readonly answer: { readonly certificate_chain?: readonly string[]; readonly error?: string };
}

interface RecordedCall {
  readonly method: string;
}

export const recordedSignCerts: readonly RecordedSignCert[] = (
  JSON.parse(readFileSync(new URL('../vectors/kms/recorded.json', import.meta.url), 'utf8')) as readonly (RecordedSignCert & RecordedCall)[]
).filter(({ method }) => method === 'SignCert');

import { certificate, extension, pem, testKey } from '../x509/mini-ca.js';
import type { CertificateOptions } from '../x509/mini-ca.js';

export const temporaryCa = certificate({ subject: 'Temporary CA', key: testKey('temp ca'), extensions: [extension.ca(), extension.keyUsage(0x06)] });

const server = certificate({ subject: 'kms', key: testKey('server') });

export const serverIdentity = { key: keyPem('server'), cert: pem(server) };

export function keyPem(label: string): string {
  return testKey(label).export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A client certificate as RA-TLS clients make them: no key usage whatever, valid since 1975. */
export function clientIdentity(options: Partial<CertificateOptions> = {}): { readonly key: string; readonly cert: string; readonly der: Uint8Array } {
  const made = certificate({ subject: 'client', key: testKey('client'), issuer: temporaryCa, notBefore: 157_766_400, ...options });
  return { key: keyPem('client'), cert: pem(made), der: made.der };
}

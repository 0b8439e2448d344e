import { DerError, readDer, TAG } from '../crypto/der.js';
import { octetString } from '../crypto/der-write.js';
import { VerificationError } from '../errors/verification-error.js';
import { decodeAppInfo, encodeAppInfo } from './app-info-extension.js';
import type { CertificateAppInfo } from './app-info-extension.js';
import type { Certificate } from './certificate.js';
import { DSTACK_OID } from './oids.js';
import type { ExtensionToWrite } from './standard-extensions.js';

/** Values of the special usage extension (spec/attestation.md section 9.3). */
export const SPECIAL_USAGE = { kmsRpc: 'kms:rpc', appCa: 'app:ca', appCustom: 'app:custom' } as const;

/** What a certificate says about the workload that holds its key; null for what it does not say. */
export interface DstackExtensions {
  /** 20 bytes. */
  readonly appId: Uint8Array | null;
  readonly appInfo: CertificateAppInfo | null;
  readonly specialUsage: string | null;
  /** Versioned attestation, already stripped. */
  readonly attestation: Uint8Array | null;
}

export const NO_DSTACK_EXTENSIONS: DstackExtensions = { appId: null, appInfo: null, specialUsage: null, attestation: null };

/** The extensions in the order of spec/kms.md section 5: app id, app info, usage, attestation; none is critical. */
export function dstackExtensions({ appId, appInfo, specialUsage, attestation }: DstackExtensions): ExtensionToWrite[] {
  const payloads: readonly (readonly [oid: string, content: Uint8Array | null])[] = [
    [DSTACK_OID.appId, appId],
    [DSTACK_OID.appInfo, appInfo === null ? null : encodeAppInfo(appInfo)],
    [DSTACK_OID.specialUsage, specialUsage === null ? null : Buffer.from(specialUsage, 'utf8')],
    [DSTACK_OID.attestation, attestation],
  ];
  return payloads.flatMap(([oid, content]) => (content === null ? [] : [{ oid, critical: false, value: octetString(content) }]));
}

/** App id in `certificate`, or null. @throws VerificationError EXTENSION_MALFORMED */
export function readAppId(certificate: Certificate): Uint8Array | null {
  return payload(certificate, DSTACK_OID.appId);
}

/** Special usage in `certificate`, or null. @throws VerificationError EXTENSION_MALFORMED */
export function readSpecialUsage(certificate: Certificate): string | null {
  const bytes = payload(certificate, DSTACK_OID.specialUsage);
  return bytes === null ? null : text(bytes, 'the special usage');
}

/** App info in `certificate`, or null. @throws VerificationError EXTENSION_MALFORMED */
export function readAppInfo(certificate: Certificate): CertificateAppInfo | null {
  const bytes = payload(certificate, DSTACK_OID.appInfo);
  return bytes === null ? null : decodeAppInfo(bytes);
}

/** Evidence as a certificate carries it: a versioned attestation, or the bare quote and event log JSON of older ones. */
export type CertificateEvidence =
  | { readonly kind: 'versioned'; readonly attestation: Uint8Array }
  | { readonly kind: 'legacy-tdx'; readonly quote: Uint8Array; readonly eventLog: string };

/**
 * Evidence in `certificate`, undecoded, or null. The versioned attestation wins over the legacy pair, whose
 * event log must be there when its quote is (spec/attestation.md section 9.2).
 * @throws VerificationError EXTENSION_MALFORMED
 */
export function readEvidence(certificate: Certificate): CertificateEvidence | null {
  const attestation = payload(certificate, DSTACK_OID.attestation);
  if (attestation !== null) return { kind: 'versioned', attestation };
  const quote = payload(certificate, DSTACK_OID.legacyTdxQuote);
  if (quote === null) return null;
  const eventLog = payload(certificate, DSTACK_OID.legacyEventLog);
  if (eventLog === null) throw malformed('a quote without its event log');
  return { kind: 'legacy-tdx', quote, eventLog: text(eventLog, 'the event log') };
}

/** The payload is an OCTET STRING inside the OCTET STRING every extension value is. */
function payload(certificate: Certificate, oid: string): Uint8Array | null {
  const extension = certificate.extensions.get(oid);
  if (extension === undefined) return null;
  try {
    return readDer(extension.value, TAG.octetString).value;
  } catch (cause) {
    if (cause instanceof DerError) throw malformed(`extension ${oid} is not an octet string`, cause);
    throw cause;
  }
}

function text(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed(`${what} is not UTF-8`, cause);
  }
}

function malformed(message: string, cause?: unknown): VerificationError {
  return new VerificationError('EXTENSION_MALFORMED', message, { cause });
}

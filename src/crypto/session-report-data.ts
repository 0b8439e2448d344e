import { createHash } from 'node:crypto';
import { invalidArgument } from '../errors/service-error.js';

/** Exporter of the TLS connection that evidence is bound to (RFC 8446 section 7.5, no context): 32 bytes. */
export const SESSION_EXPORTER = { label: 'EXPORTER-dstack-session', length: 32 } as const;

/** Bytes. */
export const SESSION_NONCE = { min: 16, max: 64 } as const;

/** What makes evidence that of one connection, of one end of it, and fresh. */
export interface SessionBinding {
  /** 32 bytes that only the two ends of the connection know, and no other connection has. */
  readonly exporter: Uint8Array;
  /** SubjectPublicKeyInfo (DER) of the certificate that the giver of the evidence presented on the connection. */
  readonly spki: Uint8Array;
  /** 16 to 64 bytes, chosen by the receiver of the evidence. */
  readonly nonce: Uint8Array;
}

const TAG = Buffer.from('dstack-session:', 'latin1');

/**
 * SHA-512("dstack-session:" ‖ exporter ‖ spki ‖ nonce), 64 bytes. No two bindings are hashed alike: the tag and the exporter
 * have one length, DER says where it ends, and the nonce is what is left.
 * @throws ServiceError INVALID_ARGUMENT for a nonce of another length; TypeError for an exporter of another length
 */
export function sessionReportData({ exporter, spki, nonce }: SessionBinding): Uint8Array {
  if (exporter.length !== SESSION_EXPORTER.length) throw new TypeError(`exporter must be ${SESSION_EXPORTER.length} bytes, not ${exporter.length}`);
  if (nonce.length < SESSION_NONCE.min || nonce.length > SESSION_NONCE.max) {
    throw invalidArgument(`nonce is ${nonce.length} bytes, must be ${SESSION_NONCE.min} to ${SESSION_NONCE.max}`);
  }
  return new Uint8Array(createHash('sha512').update(TAG).update(exporter).update(spki).update(nonce).digest());
}

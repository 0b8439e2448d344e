import type { TLSSocket } from 'node:tls';
import type { TlsSession } from '../../caller/tls-session.js';

/** @param peerCertificate DER, or null */
export function tlsSession(socket: TLSSocket, peerCertificate: Uint8Array | null): TlsSession {
  return {
    peerCertificate,
    // Node's types want a context; without one OpenSSL takes the empty one, as TLS 1.3 has it (RFC 8446 section 7.5).
    exporter: (label, length) => Uint8Array.from(socket.exportKeyingMaterial(length, label, Buffer.alloc(0))),
  };
}

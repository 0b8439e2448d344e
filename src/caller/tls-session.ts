/** The TLS connection a call came over, as far as evidence can be bound to it. One object for each connection. */
export interface TlsSession {
  /** Keying material both ends have and no other connection (RFC 8446 section 7.5), `length` bytes. */
  exporter(label: string, length: number): Uint8Array;
  /** The client's certificate, DER; null without one. */
  readonly peerCertificate: Uint8Array | null;
}

import { constants } from 'node:crypto';
import { createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { Acceptor, startListening, stopServer } from './acceptor.js';
import type { Listener, ListenOptions } from './listener.js';
import { tcpAddress, tcpPeer } from './tcp.js';
import type { TcpPlace } from './tcp.js';

export interface TlsIdentity {
  /** PEM, PKCS#8. */
  readonly key: string;
  /** PEM, leaf first, then the CA certificates a client needs. */
  readonly cert: string;
  /**
   * PEM certificates that client certificates must chain to; null to ask for none. A client may come without
   * a certificate, but one that does not chain, or is out of date, ends the connection
   * (spec/prpc.md section 11).
   */
  readonly clientCa: readonly string[] | null;
}

/**
 * HTTP/1.1 and HTTP/2 by ALPN over TLS 1.3 on one TCP port.
 * Rejects with the system's error when the address cannot be had, or with OpenSSL's for a bad key or certificate.
 */
export async function listenTls(place: TcpPlace, identity: TlsIdentity, options: ListenOptions): Promise<Listener> {
  const acceptor = new Acceptor(options);
  const server = createServer({
    key: identity.key,
    cert: identity.cert,
    ...(identity.clientCa === null ? {} : { ca: [...identity.clientCa], requestCert: true }),
    // Judged in `admitTls`: here it would also refuse clients that have no certificate.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['h2', 'http/1.1'],
    // A ticket embeds the client's certificate, and with it tens of kilobytes of evidence. OpenSSL then sends
    // session ids instead, which nobody here remembers: every connection is a full handshake.
    secureOptions: constants.SSL_OP_NO_TICKET,
    handshakeTimeout: acceptor.limits.handshakeTimeout,
    allowHalfOpen: true,
    noDelay: true,
  });
  server.maxConnections = acceptor.limits.maxConnections;
  server.on('connection', (socket) => acceptor.track(socket));
  // Node reports a handshake that failed or took too long and leaves the socket open.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  server.on('secureConnection', (socket) => admitTls(socket, acceptor));
  await startListening(server, place);
  return { address: tcpAddress(server, place), stop: (graceMs) => stopServer(server, acceptor, graceMs) };
}

function admitTls(socket: TLSSocket, acceptor: Acceptor): void {
  acceptor.track(socket);
  const peer = tcpPeer(socket);
  const certificate = peerCertificate(socket);
  if (peer === null || (certificate !== null && !socket.authorized)) {
    socket.destroy();
    return;
  }
  acceptor.serve(socket, { peer, tlsSocket: socket, certificate }, socket.alpnProtocol === 'h2' ? 'h2' : 'h1');
}

/** The certificate the peer presented, DER; null without one. */
export function peerCertificate(socket: TLSSocket): Uint8Array | null {
  const raw: Buffer | undefined = socket.getPeerCertificate(false)?.raw;
  return raw ?? null;
}

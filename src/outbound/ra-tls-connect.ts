import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import { KmsClientError } from '../errors/kms-client-error.js';

/** How the server must prove itself. */
export interface ServerTrust {
  /** PEM of the only root accepted; the host name must match too. null: any certificate (see `createKmsClient`). */
  readonly rootPem: string | null;
  /** Judges the server's certificate (DER) once the handshake is done, before any byte is sent. Throws to refuse; gives what the certificate proved. */
  readonly check: (certificate: Uint8Array) => Promise<VerifiedAttestation | null>;
}

export interface RaTlsTarget {
  readonly host: string;
  readonly port: number;
  readonly trust: ServerTrust;
  /** PEM pair shown to the server, or null. */
  readonly client: { readonly key: string; readonly cert: string } | null;
  /** Milliseconds for connection, handshake and verification of chain and name. */
  readonly connectTimeoutMs: number;
  readonly signal: AbortSignal;
}

export interface RaTlsConnection {
  readonly socket: TLSSocket;
  /** What the certificate of the server proved; null where it carried no attestation. */
  readonly server: VerifiedAttestation | null;
}

/**
 * Opens a TLS 1.3 connection and hands it over only when the server has been verified: with
 * `rejectUnauthorized: false` node never looks at host names, and certificate extensions it does not look at in any case.
 * @throws KmsClientError KMS_UNREACHABLE, KMS_NOT_TRUSTED; whatever `trust.check` throws
 */
export async function raTlsConnect(target: RaTlsTarget): Promise<RaTlsConnection> {
  const socket = await handshake(target);
  try {
    const { raw } = socket.getPeerCertificate(false);
    if (!(raw instanceof Uint8Array)) throw new KmsClientError('KMS_NOT_TRUSTED', 'missing server cert');
    const server = await target.trust.check(Uint8Array.from(raw));
    if (socket.destroyed) throw new KmsClientError('KMS_UNREACHABLE', `${target.host}:${target.port} closed the connection`);
    return { socket, server };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function handshake({ host, port, trust, client, connectTimeoutMs, signal }: RaTlsTarget): Promise<TLSSocket> {
  const options: ConnectionOptions = {
    host,
    port,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['http/1.1'],
    ...(client === null ? {} : client),
    ...(trust.rootPem === null ? { rejectUnauthorized: false } : { ca: trust.rootPem, rejectUnauthorized: true }),
  };
  return new Promise((resolve, reject) => {
    const socket = tlsConnect(options);
    const timer = setTimeout(() => fail(new Error(`no connection in ${connectTimeoutMs} ms`)), connectTimeoutMs);
    const fail = (cause: unknown): void => {
      done();
      socket.destroy();
      reject(connectionError(host, port, cause));
    };
    const aborted = (): void => fail(signal.reason);
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      socket.removeListener('error', fail);
      // The socket outlives this function; an error nobody waits for must not end the process.
      socket.on('error', () => undefined);
    };
    signal.addEventListener('abort', aborted);
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      done();
      resolve(socket);
    });
    if (signal.aborted) aborted();
  });
}

/** OpenSSL's and node's verification failures are told apart from network failures by their codes (node documentation, "X509 certificate error codes"). */
function connectionError(host: string, port: number, cause: unknown): KmsClientError {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const refused = /CERT|UNABLE_TO_|INVALID_CA|PATH_LENGTH|HOSTNAME_MISMATCH|INVALID_PURPOSE|CRL/.test(code);
  return new KmsClientError(refused ? 'KMS_NOT_TRUSTED' : 'KMS_UNREACHABLE', `cannot connect to ${host}:${port}`, { cause });
}

import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import type { ClientIdentity } from './tls-client.js';

export interface Relay {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * A machine between client and KMS that has everything but a TEE: the KMS's certificate and TLS key, and those of the client.
 * It ends TLS on both sides and passes on what it reads.
 * @param keys key directory of the KMS
 */
export async function startRelay(kmsPort: number, keys: string, client: ClientIdentity): Promise<Relay> {
  const sockets = new Set<TLSSocket>();
  const kept = (socket: TLSSocket): TLSSocket => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    return socket;
  };
  const identity = { key: readFileSync(join(keys, 'rpc.key')), cert: readFileSync(join(keys, 'rpc.crt')) };
  const server = createServer({ ...identity, requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] }, (victim) => {
    const upstream = kept(connect({ host: 'localhost', port: kmsPort, rejectUnauthorized: false, ALPNProtocols: [victim.alpnProtocol || 'http/1.1'], ...client }));
    kept(victim).pipe(upstream).pipe(victim);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

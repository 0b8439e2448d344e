import { once } from 'node:events';
import { createServer } from 'node:net';

/** `wanted`, if it is free; 0 gives any free port. @throws Error naming a port in use */
export async function freePort(wanted: number): Promise<number> {
  const server = createServer();
  server.listen(wanted, '127.0.0.1');
  await once(server, 'listening').catch((cause: unknown) => {
    throw new Error(`port ${wanted} is in use; choose others with --kms-port and --agent-port`, { cause });
  });
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : wanted;
}

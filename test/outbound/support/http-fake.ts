import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeServer {
  readonly url: string;
  /** Targets asked for, in order. */
  readonly asked: string[];
  respond: (request: IncomingMessage, response: ServerResponse, body: string) => void;
  close(): void;
}

/** An HTTP server a test decides the answers of; on a unix socket if `path` is given. */
export async function startFakeServer(path: string | null = null): Promise<FakeServer> {
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      fake.asked.push(request.url ?? '');
      fake.respond(request, response, Buffer.concat(chunks).toString('utf8'));
    });
  });
  await new Promise<void>((resolve) => (path === null ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve)));
  const fake: FakeServer = {
    url: path === null ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${path}`,
    asked: [],
    respond: (_request, response) => void response.writeHead(404).end(),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return fake;
}

/** An answer that is never done and never idle. */
export function trickle(response: ServerResponse): void {
  const timer = setInterval(() => response.write(' '), 20);
  response.writeHead(200).once('close', () => clearInterval(timer));
}

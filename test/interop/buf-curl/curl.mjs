import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUF = fileURLToPath(new URL('../../../node_modules/.bin/buf', import.meta.url));

/** One server as `buf curl` reaches it: a base URL and the options that lead there. */
export function unixServer(socket) {
  return { url: 'http://localhost', options: ['--unix-socket', socket] };
}

/** TLS trusting `ca` alone, with an RA-TLS client certificate where one is given. */
export function tlsServer(url, ca, pair = null) {
  const client = pair === null ? [] : ['--cert', pair.cert, '--key', pair.key];
  // What is checked is the name, whatever address the port is reached by.
  return { url, options: ['--cacert', ca, '--servername', 'localhost', ...client] };
}

/** Runs `buf curl`. Nothing but server reflection tells it the schema. */
function curl(server, path, options) {
  const args = ['curl', '--reflect', ...server.options, ...options, join(server.url, path).replace(':/', '://')];
  return new Promise((resolve, reject) => {
    execFile(BUF, args, { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ status: error?.code ?? 0, stdout, stderr });
    });
  });
}

function succeeded({ status, stdout, stderr }) {
  if (status !== 0) throw new Error(`buf curl ended with status ${status}: ${stderr}`);
  return stdout;
}

/** The answer to one call, as JSON. */
export async function call(server, protocol, method, message = {}) {
  return JSON.parse(succeeded(await curl(server, method, ['--protocol', protocol, '--data', JSON.stringify(message)])));
}

/** The refusal of one call: `code` of Connect, and the detail. */
export async function refusal(server, protocol, method, message) {
  const { status, stdout, stderr } = await curl(server, method, ['--protocol', protocol, '--data', JSON.stringify(message)]);
  if (status === 0) throw new Error(`not refused: ${stdout}`);
  return JSON.parse(stderr);
}

/** Names of all services, or of all methods as `package.Service/Method`. */
export async function list(server, what, reflection) {
  return succeeded(await curl(server, '', [`--list-${what}`, '--reflect-protocol', reflection])).trim().split('\n');
}

// The yardstick: what Node's HTTP server costs with no work behind it. Reads the body, answers a constant.
import { createServer } from 'node:http';

const answer = Buffer.from('{"version":"0.0.0","rev":"bare"}');
const server = createServer({ requireHostHeader: false }, (request, response) => {
  request.on('data', () => undefined);
  request.on('end', () => response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': answer.length }).end(answer));
});
server.listen(process.argv[2], () => process.stdout.write('listening\n'));

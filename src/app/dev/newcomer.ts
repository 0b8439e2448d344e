import type { System } from './bring-up.js';

/** The commands a newcomer tries next. */
export function newcomerLines({ agentSocket, agentUrl, kmsUrl, kmsCa, clients }: System): readonly string[] {
  const tls = `--cacert ${kmsCa}`;
  const attested = `${tls} --cert ${clients.app.cert} --key ${clients.app.key}`;
  return [
    '',
    'Try next:',
    `  curl --unix-socket ${agentSocket} 'http://localhost/GetQuote?report_data=0x1234deadbeef'`,
    `  curl --unix-socket ${agentSocket} http://localhost/GetKey -H 'content-type: application/json' -d '{"path":"my-api-key"}'`,
    `  curl --unix-socket ${agentSocket} http://localhost/Info`,
    `  curl ${tls} '${agentUrl}/attestation?challenge=1234deadbeef'`,
    `  curl ${tls} '${kmsUrl}/prpc/GetMeta?json' -d '{}'`,
    `  curl ${attested} '${kmsUrl}/prpc/GetKey?json' -d '{"name":"my-api-key"}'`,
    '',
  ];
}

import type { System } from './bring-up.js';
import { CHALLENGE, MACHINE_KINDS } from './platforms.js';
import type { Workspace } from './workspace.js';

const AS_JSON = `-H 'content-type: application/json'`;

/** The commands a newcomer tries next. */
export function newcomerLines({ agentSocket, agentUrl, kmsUrl, kmsCa, clients }: System, { platform, directory, paths }: Workspace): readonly string[] {
  const { example, roots } = MACHINE_KINDS[platform];
  const agent = `curl --unix-socket ${agentSocket}`;
  const tls = `--cacert ${kmsCa}`;
  const attested = `${tls} --cert ${clients.app.cert} --key ${clients.app.key}`;
  const evidence = `${directory}/attestation.hex`;
  return [
    '',
    'Try next:',
    `  ${agent} 'http://localhost${example.path}'${example.body === null ? '' : ` ${AS_JSON} -d '${example.body}'`}`,
    `  ${agent} http://localhost/GetKey ${AS_JSON} -d '{"path":"my-api-key"}'`,
    `  ${agent} http://localhost/Info`,
    `  curl ${tls} '${agentUrl}/attestation?challenge=${CHALLENGE}'`,
    `  curl ${tls} '${kmsUrl}/prpc/GetMeta?json' -d '{}'`,
    `  curl ${attested} '${kmsUrl}/prpc/GetKey?json' -d '{"name":"my-api-key"}'`,
    '',
    'Verify what the guest agent attests, with the roots and the collateral of this platform:',
    `  ${agent} -s http://localhost/Attest ${AS_JSON} -d '{"report_data":"${CHALLENGE}"}' | node -pe 'JSON.parse(fs.readFileSync(0)).attestation' > ${evidence}`,
    `  npx dstack verify ${evidence} --report-data ${CHALLENGE} --collateral ${paths.collateral} ${roots.map((key) => `--root ${paths.rootCa[key]}`).join(' ')}`,
    '',
  ];
}

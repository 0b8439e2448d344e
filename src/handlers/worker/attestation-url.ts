import type { Peer } from '../../caller/caller.js';
import type { AttestationPage, GetAttestationPage } from '../../guest-agent/attestation-page.js';
import type { PlainRoute } from '../../http/plain-route.js';
import { base64Text, hexText, jsonAnswer } from '../json-answer.js';
import { queryBytes } from '../plain-query.js';

/** `GET /attestation` (spec/api.md section 1.3). */
export function attestationUrl(getPage: GetAttestationPage): PlainRoute {
  return {
    procedure: 'plain/attestation',
    verb: 'GET',
    path: '/attestation',
    async handle({ query, call }) {
      const challenge = queryBytes(query, 'challenge');
      return jsonAnswer(pageJson(await getPage(challenge, rateLimitKey(call.caller.peer)), challenge !== null));
    },
  };
}

function pageJson(page: AttestationPage, fresh: boolean): Record<string, unknown> {
  return {
    platform: page.platform,
    ...(page.development ? { development: true } : {}),
    ...(page.quote === null ? {} : { quote: base64Text(page.quote) }),
    ...(page.document === null ? {} : { document: base64Text(page.document) }),
    event_log: page.eventLog,
    vm_config: page.vmConfig,
    challenge: hexText(page.challenge),
    report_data: hexText(page.reportData),
    hash_algorithm: 'sha512',
    attestation: hexText(page.attestation),
    app_id: hexText(page.app.appId),
    compose_hash: hexText(page.app.composeHash),
    instance_id: hexText(page.app.instanceId),
    os_image_hash: hexText(page.app.osImageHash),
    fresh,
    age_seconds: Math.round(page.ageMs / 1000),
  };
}

/** Who counts as one peer: an IPv4 address, an IPv6 /64 (what one customer is given), a vsock context, all of a unix socket. */
export function rateLimitKey(peer: Peer): string {
  switch (peer.kind) {
    case 'unix':
      return 'unix';
    case 'vsock':
      return `vsock:${peer.cid}`;
    case 'tcp': {
      const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(peer.address)?.[1];
      if (mapped !== undefined || !peer.address.includes(':')) return mapped ?? peer.address;
      return `${ipv6Network(peer.address)}::/64`;
    }
  }
}

/** First four groups of an IPv6 address as the kernel prints it. */
function ipv6Network(address: string): string {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  return [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':');
}

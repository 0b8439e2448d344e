import { rateLimitKey } from '../../caller/peer-key.js';
import type { AttestationPage, GetAttestationPage } from '../../guest-agent/attestation-page.js';
import type { PlainRoute } from '../../http/plain-route.js';
import { askerOf } from '../asker.js';
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
      return jsonAnswer(pageJson(await getPage(challenge, rateLimitKey(call.caller.peer), askerOf(call)), challenge !== null));
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

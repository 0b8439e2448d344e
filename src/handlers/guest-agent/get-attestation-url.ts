import type { EvidenceSource } from '../../attestation/evidence/evidence-source.js';
import { getNsmDocument } from '../../guest-agent/nsm-document.js';
import type { PlainRoute } from '../../http/plain-route.js';
import { askerOf } from '../asker.js';
import { base64Text, jsonAnswer } from '../json-answer.js';
import { checkEncoding, queryBytes, wantsHex } from '../plain-query.js';

/** `GET /GetAttestation` (spec/api.md section 1.2); `?encoding=hex` is the prpc door's. */
export function getAttestationUrl(evidence: EvidenceSource): PlainRoute {
  return {
    procedure: 'plain/GetAttestation',
    verb: 'GET',
    path: '/GetAttestation',
    declines: wantsHex,
    async handle({ query, call }) {
      checkEncoding(query);
      const bytes = (name: string): Uint8Array => queryBytes(query, name) ?? new Uint8Array();
      const given = { userData: bytes('user_data'), nonce: bytes('nonce'), publicKey: bytes('public_key') };
      return jsonAnswer({ document: base64Text(await getNsmDocument(evidence, given, call.signal, askerOf(call))) });
    },
  };
}

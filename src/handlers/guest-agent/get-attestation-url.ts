import type { EvidenceSource } from '../../attestation/evidence/evidence-source.js';
import { getNsmDocument } from '../../guest-agent/nsm-document.js';
import type { PlainRoute } from '../../http/plain-route.js';
import { base64Text, hexText, jsonAnswer } from '../json-answer.js';
import { queryBytes, queryEncoding } from '../plain-query.js';

/** `GET /GetAttestation` (spec/api.md section 1.2). */
export function getAttestationUrl(evidence: EvidenceSource): PlainRoute {
  return {
    procedure: 'plain/GetAttestation',
    verb: 'GET',
    path: '/GetAttestation',
    async handle({ query, call }) {
      const bytes = (name: string): Uint8Array => queryBytes(query, name) ?? new Uint8Array();
      const text = queryEncoding(query) === 'hex' ? hexText : base64Text;
      const given = { userData: bytes('user_data'), nonce: bytes('nonce'), publicKey: bytes('public_key') };
      return jsonAnswer({ document: text(await getNsmDocument(evidence, given, call.signal)) });
    },
  };
}

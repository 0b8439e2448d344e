import type { KeyObject } from 'node:crypto';
import { cborArray, cborBytes, cborMap, cborNegative, cborNull, cborText, cborUint } from '../attestation/nitro/cbor-write.js';
import type { NsmDocument } from '../attestation/nitro/document.js';
import { es384 } from './es384.js';

/** What is particular to one document; the digest of PCRs is always SHA-384. */
export type NsmDocumentContent = Omit<NsmDocument, 'digest'>;

export interface NsmDocumentForm {
  /** Indefinite-length payload map, as AWS writes it (trap T14). */
  readonly indefinite: boolean;
}

/** Protected header {1: -35}: ES384 (RFC 9053 section 2.1). */
const PROTECTED = cborMap([[cborUint(1), cborNegative(-35)]]);

/** Signs an untagged COSE_Sign1 (RFC 9052 section 4.2) with the leaf's P-384 key. */
export async function signNsmDocument(content: NsmDocumentContent, leafKey: KeyObject, form: NsmDocumentForm): Promise<Uint8Array> {
  const payload = encodePayload(content, form);
  const covered = cborArray([cborText('Signature1'), cborBytes(PROTECTED), cborBytes(new Uint8Array()), cborBytes(payload)]);
  const signature = await es384(covered, leafKey);
  return new Uint8Array(cborArray([cborBytes(PROTECTED), cborMap([]), cborBytes(payload), cborBytes(signature)]));
}

/** Field order of real documents. */
function encodePayload(content: NsmDocumentContent, form: NsmDocumentForm): Uint8Array {
  const optional = (bytes: Uint8Array | null): Uint8Array => (bytes === null ? cborNull() : cborBytes(bytes));
  const pcrs = Array.from(content.pcrs, ([index, value]) => [cborUint(index), cborBytes(value)] as const);
  return cborMap(
    [
      [cborText('module_id'), cborText(content.moduleId)],
      [cborText('digest'), cborText('SHA384')],
      [cborText('timestamp'), cborUint(content.timestampMs)],
      [cborText('pcrs'), cborMap(pcrs)],
      [cborText('certificate'), cborBytes(content.certificate)],
      [cborText('cabundle'), cborArray(content.cabundle.map(cborBytes))],
      [cborText('public_key'), optional(content.publicKey)],
      [cborText('user_data'), optional(content.userData)],
      [cborText('nonce'), optional(content.nonce)],
    ],
    form.indefinite,
  );
}

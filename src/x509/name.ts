import { oid, sequence, set, utf8String } from '../crypto/der-write.js';
import { NAME_OID } from './oids.js';

/** Subject of a certificate of ours: O, when there is one, before CN. */
export interface SubjectName {
  readonly organization: string | null;
  readonly commonName: string;
}

/** Name, DER: one UTF8String attribute a RDN, in the order given. `attributes` are [dotted OID, text]. */
export function distinguishedName(attributes: readonly (readonly [type: string, value: string])[]): Uint8Array {
  return sequence(...attributes.map(([type, value]) => set(sequence(oid(type), utf8String(value)))));
}

/** Name, DER, of `subject` (spec/kms.md section 5). */
export function subjectNameDer({ organization, commonName }: SubjectName): Uint8Array {
  const common = [NAME_OID.commonName, commonName] as const;
  return distinguishedName(organization === null ? [common] : [[NAME_OID.organization, organization], common]);
}

import { TAG } from '../crypto/der.js';
import { integer, octetString, oid, sequence, tlv } from '../crypto/der-write.js';
import { PCK_EXTENSION_OID } from '../attestation/tdx/pck-extension.js';
import type { ExtensionToWrite } from '../x509/standard-extensions.js';
import { DEVELOPMENT_MACHINE } from './tdx-machine.js';

/**
 * The SGX extension of the development machine's PCK certificate (Intel SGX PCK Certificate
 * specification, section 1.3.5; spec/attestation.md section 6.2).
 * @param ppid 16 bytes
 */
export function pckExtension(ppid: Uint8Array): ExtensionToWrite {
  const { fmspc, pceId, cpuSvn, pceSvn } = DEVELOPMENT_MACHINE;
  const components = Array.from(cpuSvn, (svn, i) => entry(`2.${i + 1}`, integer(svn)));
  const value = sequence(
    entry('1', octetString(ppid)),
    entry('2', sequence(...components, entry('2.17', integer(pceSvn)), entry('2.18', octetString(cpuSvn)))),
    entry('3', octetString(pceId)),
    entry('4', octetString(fmspc)),
    entry('5', tlv(TAG.enumerated, Uint8Array.of(1))), // scalable SGX, as on every TDX machine
  );
  return { oid: PCK_EXTENSION_OID, critical: false, value };
}

function entry(path: string, value: Uint8Array): Uint8Array {
  return sequence(oid(`${PCK_EXTENSION_OID}.${path}`), value);
}

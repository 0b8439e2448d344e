import { TPM_ALG, TPM_CC, TPM_RS_PW, TPM_ST, type TpmCommandName } from './constants.js';

/** A command before it is marshalled. */
export interface TpmCommand {
  readonly name: TpmCommandName;
  readonly handles: readonly number[];
  /** With an empty password, or without any session. */
  readonly authorized: boolean;
  readonly parameters: readonly Uint8Array[];
}

const HEADER_BYTES = 10;

export function tpmU16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function tpmU32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A TPM2B: length u16, then the bytes. */
export function tpmSized(bytes: Uint8Array): Buffer {
  return Buffer.concat([tpmU16(bytes.length), bytes]);
}

/** One session of the empty password, behind its own length: TPM_RS_PW, no nonce, no attributes, no value. */
const EMPTY_PASSWORD = Buffer.concat([tpmU32(9), tpmU32(TPM_RS_PW), tpmU16(0), Buffer.of(0), tpmU16(0)]);

/** The bytes of a command, big-endian (TPM 2.0 Library Part 1, section 18; spec/attestation.md section 1.7). */
export function encodeTpmCommand({ name, handles, authorized, parameters }: TpmCommand): Buffer {
  const body = [...handles.map(tpmU32), ...(authorized ? [EMPTY_PASSWORD] : []), ...parameters];
  const size = body.reduce((sum, part) => sum + part.length, HEADER_BYTES);
  return Buffer.concat([tpmU16(authorized ? TPM_ST.sessions : TPM_ST.noSessions), tpmU32(size), tpmU32(TPM_CC[name]), ...body]);
}

/** TPML_PCR_SELECTION of one bank, SHA-256: a bitmap of three octets, PCR 0 to 23. */
export function sha256Selection(indices: readonly number[]): Buffer {
  const bitmap = Buffer.alloc(3);
  for (const index of indices) bitmap.writeUInt8(bitmap.readUInt8(index >> 3) | (1 << (index & 7)), index >> 3);
  return Buffer.concat([tpmU32(1), tpmU16(TPM_ALG.sha256), Buffer.of(bitmap.length), bitmap]);
}

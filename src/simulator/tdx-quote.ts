import { createHash, sign } from 'node:crypto';
import { seededBytes, seededKey } from './seeded-keys.js';
import type { SeededKey } from './seeded-keys.js';
import { DEVELOPMENT_MACHINE } from './tdx-machine.js';
import type { DevelopmentTdxPki } from './tdx-pki.js';

/** What the quote says about the trust domain. Measurements are 48 bytes each. */
export interface TdMeasurements {
  readonly mrTd: Uint8Array;
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  /** 8 bytes; DEFAULT_TD_ATTRIBUTES unless a debug or otherwise unacceptable domain is wanted. */
  readonly tdAttributes: Uint8Array;
  /** 8 bytes. */
  readonly xfam: Uint8Array;
}

/** SEPT_VE_DISABLE alone: the only attribute production verifiers demand, and no debug bit. */
export const DEFAULT_TD_ATTRIBUTES: Uint8Array = Uint8Array.of(0, 0, 0, 0x10, 0, 0, 0, 0);
/** x87, SSE, AVX, AVX-512, PKRU, AMX: what current hosts grant. */
export const DEFAULT_XFAM: Uint8Array = Uint8Array.of(0xe7, 0x02, 0x06, 0, 0, 0, 0, 0);

/** Which signature to spoil, for tests of refusals; null for a sound quote. */
export type QuoteFault = 'quote-signature' | 'qe-report-signature' | null;

/** A quoting enclave of the development platform. */
export interface DevelopmentQuoter {
  /**
   * A TDX quote of version 4 over 64 bytes of report data (about 5 KiB; one ECDSA signature, well under a millisecond).
   * @throws TypeError for a field of the wrong length.
   */
  quote(td: TdMeasurements, reportData: Uint8Array, fault?: QuoteFault): Uint8Array;
}

/** Intel's quoting enclave vendor id; verifiers refuse any other (spec/attestation.md section 6.3, step 1). */
const QE_VENDOR_ID = Buffer.from('939a7233f79c4ca9940a0db3957f0607', 'hex');
const SIGNED_LENGTH = 48 + 584;

/**
 * The attestation key and what vouches for it are made once, as in a real quoting enclave, so that a
 * quote costs one signature.
 * @throws TypeError unless `seed` is 32 bytes.
 */
export function createDevelopmentQuoter(seed: Uint8Array, pki: DevelopmentTdxPki): DevelopmentQuoter {
  const attestationKey = seededKey(seed, 'p256', 'tdx-attestation-key');
  const qeId = seededBytes(seed, 'tdx-qe-id', 16);
  const sound = endorsement(attestationKey, seededBytes(seed, 'tdx-qe-auth', 32), pki);
  const spoiled = spoil(sound, 64 + 6 + 384);
  return {
    quote(td, reportData, fault = null) {
      const signed = Buffer.concat([header(qeId), body(td, reportData)], SIGNED_LENGTH);
      const signature = sign('sha256', signed, { key: attestationKey.privateKey, dsaEncoding: 'ieee-p1363' });
      const auth = [fault === 'quote-signature' ? spoil(signature, 0) : signature, fault === 'qe-report-signature' ? spoiled : sound];
      return new Uint8Array(Buffer.concat([signed, u32(auth.reduce((sum, part) => sum + part.length, 0)), ...auth]));
    },
  };
}

function header(qeId: Uint8Array): Buffer {
  const bytes = Buffer.alloc(48);
  bytes.writeUInt16LE(4, 0);
  bytes.writeUInt16LE(2, 2); // ECDSA P-256
  bytes.writeUInt32LE(0x81, 4); // TDX
  QE_VENDOR_ID.copy(bytes, 12);
  bytes.set(qeId, 28);
  return bytes;
}

/** TD report body of TDX 1.0, 584 bytes (spec/attestation.md section 6.1). */
function body(td: TdMeasurements, reportData: Uint8Array): Buffer {
  const { teeTcbSvn, mrSeam } = DEVELOPMENT_MACHINE;
  const [rtmr0, rtmr1, rtmr2, rtmr3] = td.rtmrs;
  return Buffer.concat([
    teeTcbSvn,
    mrSeam,
    Buffer.alloc(48 + 8), // module signed by Intel: signer zero, attributes zero
    sized(td.tdAttributes, 8, 'tdAttributes'),
    sized(td.xfam, 8, 'xfam'),
    sized(td.mrTd, 48, 'mrTd'),
    sized(td.mrConfigId, 48, 'mrConfigId'),
    sized(td.mrOwner, 48, 'mrOwner'),
    sized(td.mrOwnerConfig, 48, 'mrOwnerConfig'),
    ...[rtmr0, rtmr1, rtmr2, rtmr3].map((rtmr, i) => sized(rtmr, 48, `rtmrs[${i}]`)),
    sized(reportData, 64, 'reportData'),
  ]);
}

/** From the attestation key to the end: key, then certification record 6 around QE report, its signature and the PCK chain (type 5). */
function endorsement(attestationKey: SeededKey, authData: Uint8Array, pki: DevelopmentTdxPki): Buffer {
  const report = qeReport(createHash('sha256').update(attestationKey.point).update(authData).digest());
  const chain = Buffer.from(`${pki.pckChainPem}\0`, 'latin1'); // the terminator real quotes carry (trap T4)
  const inner = Buffer.concat([report, pki.keys.pck.sign(report), u16(authData.length), authData, u16(5), u32(chain.length), chain]);
  return Buffer.concat([attestationKey.point, u16(6), u32(inner.length), inner]);
}

/** SGX report of the quoting enclave, 384 bytes. */
function qeReport(keyDigest: Uint8Array): Buffer {
  const { cpuSvn, quotingEnclave } = DEVELOPMENT_MACHINE;
  const bytes = Buffer.alloc(384);
  bytes.set(cpuSvn, 0);
  bytes.set(quotingEnclave.mrEnclave, 64);
  bytes.set(quotingEnclave.mrSigner, 128);
  bytes.writeUInt16LE(quotingEnclave.isvProdId, 256);
  bytes.writeUInt16LE(quotingEnclave.isvSvn, 258);
  bytes.set(keyDigest, 320);
  return bytes;
}

function spoil(bytes: Buffer, offset: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(offset) ^ 1, offset);
  return copy;
}

function sized(bytes: Uint8Array, length: number, name: string): Uint8Array {
  if (bytes.length !== length) throw new TypeError(`${name} must be ${length} bytes, not ${bytes.length}`);
  return bytes;
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

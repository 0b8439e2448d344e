import { VerificationError } from '../../errors/verification-error.js';
import type { CpuId } from './product.js';

/** Length of every attestation report (AMD 56860, table "ATTESTATION_REPORT structure"). */
export const SNP_REPORT_LENGTH = 1184;

const SIGNED_LENGTH = 0x2a0;
/** R and S are little-endian, 72 bytes each, of which P-384 uses 48. */
const COMPONENT_LENGTH = 72;
const SCALAR_LENGTH = 48;
const ECDSA_P384_SHA384 = 1;

/** A decoded report, nothing of it verified. All byte fields are views into the input. */
export interface SnpReport {
  readonly version: 2 | 3;
  readonly policy: bigint;
  readonly vmpl: number;
  readonly platformInfo: bigint;
  readonly keyFlags: number;
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  /** 48 bytes: the launch digest. */
  readonly measurement: Uint8Array;
  /** 32 bytes, chosen by the host at launch. */
  readonly hostData: Uint8Array;
  /** 64 bytes; zeros where the host hides it. */
  readonly chipId: Uint8Array;
  /** TCB versions, 8 bytes each; laid out by product. */
  readonly currentTcb: Uint8Array;
  readonly reportedTcb: Uint8Array;
  readonly committedTcb: Uint8Array;
  readonly launchTcb: Uint8Array;
  /** null before version 3, which does not say. */
  readonly cpuId: CpuId | null;
  /** What the signature covers. */
  readonly signedRegion: Uint8Array;
  /** r‖s, 48 bytes each, big-endian. */
  readonly signature: Uint8Array;
}

/**
 * Decodes a report of 1184 bytes (spec/attestation.md section 5.6). What follows the two components of the signature is
 * covered by nothing and must be zero, as firmware writes it: so there is one form of any report.
 * @throws VerificationError SNP_REPORT_MALFORMED, SNP_REPORT_VERSION_UNSUPPORTED, SNP_SIGNATURE_ALGORITHM_UNSUPPORTED
 */
export function parseSnpReport(bytes: Uint8Array): SnpReport {
  if (bytes.length !== SNP_REPORT_LENGTH) throw malformed(`has ${bytes.length} bytes, not ${SNP_REPORT_LENGTH}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(0, true);
  if (version !== 2 && version !== 3) {
    throw new VerificationError('SNP_REPORT_VERSION_UNSUPPORTED', `amd sev-snp report version ${version} is neither 2 nor 3`);
  }
  const algorithm = view.getUint32(0x34, true);
  if (algorithm !== ECDSA_P384_SHA384) {
    throw new VerificationError('SNP_SIGNATURE_ALGORITHM_UNSUPPORTED', `amd sev-snp signature algorithm ${algorithm} is not ECDSA P-384 with SHA-384`);
  }
  const at = (offset: number, length: number): Uint8Array => bytes.subarray(offset, offset + length);
  return {
    version,
    policy: view.getBigUint64(0x08, true),
    vmpl: view.getUint32(0x30, true),
    platformInfo: view.getBigUint64(0x40, true),
    keyFlags: view.getUint32(0x48, true),
    reportData: at(0x50, 64),
    measurement: at(0x90, 48),
    hostData: at(0xc0, 32),
    chipId: at(0x1a0, 64),
    currentTcb: at(0x38, 8),
    reportedTcb: at(0x180, 8),
    committedTcb: at(0x1e0, 8),
    launchTcb: at(0x1f0, 8),
    cpuId: version === 2 ? null : { family: view.getUint8(0x188), model: view.getUint8(0x189) },
    signedRegion: at(0, SIGNED_LENGTH),
    signature: signatureOf(at(SIGNED_LENGTH, SNP_REPORT_LENGTH - SIGNED_LENGTH)),
  };
}

function signatureOf(field: Uint8Array): Uint8Array {
  const signature = new Uint8Array(2 * SCALAR_LENGTH);
  for (const index of [0, 1]) {
    const component = field.subarray(index * COMPONENT_LENGTH, (index + 1) * COMPONENT_LENGTH);
    if (!isZero(component.subarray(SCALAR_LENGTH))) throw malformed('has a signature component longer than 48 bytes');
    signature.set(component.subarray(0, SCALAR_LENGTH).toReversed(), index * SCALAR_LENGTH);
  }
  if (!isZero(field.subarray(2 * COMPONENT_LENGTH))) throw malformed('has bytes after its signature that are not zero');
  return signature;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function malformed(detail: string): VerificationError {
  return new VerificationError('SNP_REPORT_MALFORMED', `the amd sev-snp report ${detail}`);
}

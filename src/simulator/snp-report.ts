import { SNP_REPORT_LENGTH } from '../attestation/sev-snp/report.js';
import { es384 } from './es384.js';
import { PROCESSORS, tcbVersion } from './snp-machine.js';
import type { DevelopmentSnpPki } from './snp-pki.js';

/** What a report says about the guest. */
export interface SnpReportContent {
  readonly version: 2 | 3;
  /** Guest policy, 64 bits. */
  readonly policy: bigint;
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  /** 48 bytes. */
  readonly measurement: Uint8Array;
  /** 32 bytes. */
  readonly hostData: Uint8Array;
}

/** SMT allowed, and bit 17, which is always set: what dstack launches guests with. */
export const DEFAULT_POLICY = 0x30000n;

const SIGNED_LENGTH = 0x2a0;
const ECDSA_P384_SHA384 = 1;
/** What a guest allows or demands in its policy, and the bit of PLATFORM_INFO that says so of the machine: SMT, RAPL disabled, ciphertext hiding. */
const ON_DEMAND: readonly (readonly [bigint, bigint])[] = [[1n << 16n, 1n << 0n], [1n << 23n, 1n << 3n], [1n << 24n, 1n << 4n]];
const SIGNING_KEY_VLEK = 1 << 2;
const NO_MIGRATION_AGENT = 0xff;

/** A signed report of the machine of a PKI, 1184 bytes (AMD 56860, table "ATTESTATION_REPORT structure"). */
export async function signSnpReport({ version, policy, reportData, measurement, hostData }: SnpReportContent, pki: DevelopmentSnpPki): Promise<Uint8Array> {
  const report = Buffer.alloc(SNP_REPORT_LENGTH);
  const tcb = tcbVersion(pki.product);
  report.writeUInt32LE(version, 0);
  report.writeBigUInt64LE(policy, 0x08);
  report.writeUInt32LE(ECDSA_P384_SHA384, 0x34);
  report.writeBigUInt64LE(platformInfoFor(policy), 0x40);
  report.writeUInt32LE(pki.endorsement === 'vlek' ? SIGNING_KEY_VLEK : 0, 0x48);
  report.set(reportData, 0x50);
  report.set(measurement, 0x90);
  report.set(hostData, 0xc0);
  report.fill(NO_MIGRATION_AGENT, 0x160, 0x180);
  if (version >= 3) report.set(PROCESSORS[pki.product], 0x188);
  report.set(pki.chipId, 0x1a0);
  // In use, signed for, committed and at launch: one and the same firmware.
  for (const offset of [0x38, 0x180, 0x1e0, 0x1f0]) report.set(tcb, offset);
  const signature = await es384(report.subarray(0, SIGNED_LENGTH), pki.leafKey.privateKey);
  report.set(signature.subarray(0, 48).toReversed(), SIGNED_LENGTH);
  report.set(signature.subarray(48).toReversed(), SIGNED_LENGTH + 72);
  return new Uint8Array(report);
}

/** The machine is set up as the guest wants it: firmware would not have launched it otherwise. */
function platformInfoFor(policy: bigint): bigint {
  return ON_DEMAND.reduce((info, [wanted, bit]) => ((policy & wanted) === 0n ? info : info | bit), 0n);
}

import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { NativeBinding } from '../../native/binding.js';
import type { NsmRequest } from '../evidence/evidence-source.js';
import {
  decodeAttestationAnswer,
  decodeDescribeNsmAnswer,
  decodeDescribePcrAnswer,
  decodeExtendPcrAnswer,
  decodeGetRandomAnswer,
  decodeLockAnswer,
  type NsmDescription,
  type NsmPcr,
} from './nsm-answer.js';
import { encodeNsmCommand, type NsmCommand } from './nsm-message.js';

/** Limits AWS publishes for the arguments of an attestation request. */
const MAX_USER_DATA = 512;
const MAX_NONCE = 512;
const MAX_PUBLIC_KEY = 1024;
/** Of a whole request, less what the map around the data takes (spec/attestation.md section 1.6). */
const MAX_EXTENSION = 4000;
const MAX_INDEX = 0xffff;

/** The requests of the Nitro Secure Module; all of them may fail with EvidenceSourceError (spec/attestation.md section 1.6). */
export interface NsmClient {
  describe(): Promise<NsmDescription>;
  random(): Promise<Uint8Array>;
  describePcr(index: number): Promise<NsmPcr>;
  /**
   * PCR[index] := SHA384(PCR[index] || data); the data are not hashed before.
   * @param data at most 4000 bytes
   * @returns the new value
   */
  extendPcr(index: number, data: Uint8Array): Promise<Uint8Array>;
  lockPcr(index: number): Promise<void>;
  /** Locks the PCRs below `range`. */
  lockPcrs(range: number): Promise<void>;
  /** A document over at most 512, 512 and 1024 bytes of user data, nonce and public key. */
  attest(request: NsmRequest): Promise<Uint8Array>;
}

export interface NsmClientOptions {
  readonly native: Pick<NativeBinding, 'nsmRequest'>;
  /** `/dev/nsm`. */
  readonly devicePath: string;
  /** Milliseconds of one request to the device. */
  readonly deviceDeadlineMs: number;
}

export function createNsmClient({ native, devicePath, deviceDeadlineMs: deadlineMs }: NsmClientOptions): NsmClient {
  const ask = (command: NsmCommand): Promise<Uint8Array> => native.nsmRequest({ devicePath, request: encodeNsmCommand(command), deadlineMs });
  return {
    describe: async () => decodeDescribeNsmAnswer(await ask({ kind: 'DescribeNSM' })),
    random: async () => decodeGetRandomAnswer(await ask({ kind: 'GetRandom' })),
    describePcr: async (index) => decodeDescribePcrAnswer(await ask({ kind: 'DescribePCR', index: checkIndex(index, 'index') })),
    extendPcr: async (index, data) => decodeExtendPcrAnswer(await ask({ kind: 'ExtendPCR', index: checkIndex(index, 'index'), data: bounded(data, 'data', MAX_EXTENSION) })),
    lockPcr: async (index) => decodeLockAnswer(await ask({ kind: 'LockPCR', index: checkIndex(index, 'index') }), 'LockPCR'),
    lockPcrs: async (range) => decodeLockAnswer(await ask({ kind: 'LockPCRs', range: checkIndex(range, 'range') }), 'LockPCRs'),
    attest: async (request) => decodeAttestationAnswer(await ask({ kind: 'Attestation', ...checkNsmRequest(request) })),
  };
}

/** A copy, safe from a caller that goes on to change its own. @throws EvidenceSourceError DEVICE_FAILED naming the argument and its limit */
export function checkNsmRequest({ userData, nonce, publicKey }: NsmRequest): NsmRequest {
  return {
    userData: userData === null ? null : bounded(userData, 'user_data', MAX_USER_DATA),
    nonce: nonce === null ? null : bounded(nonce, 'nonce', MAX_NONCE),
    publicKey: publicKey === null ? null : bounded(publicKey, 'public_key', MAX_PUBLIC_KEY),
  };
}

function bounded(value: Uint8Array, name: string, limit: number): Uint8Array {
  if (value.length > limit) throw new EvidenceSourceError('DEVICE_FAILED', `NSM: ${name} of ${value.length} bytes, at most ${limit}`);
  return value.slice();
}

function checkIndex(index: number, name: string): number {
  if (Number.isInteger(index) && index >= 0 && index <= MAX_INDEX) return index;
  throw new TypeError(`${name} must be a whole number from 0 to ${MAX_INDEX}`);
}

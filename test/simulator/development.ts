import { createHash } from 'node:crypto';
import type { DevelopmentApp } from '../../src/simulator/boot-events.js';
import { createDevelopmentCollateral } from '../../src/simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../../src/simulator/tdx-pki.js';
import { createDevelopmentQuoter, DEFAULT_TD_ATTRIBUTES, DEFAULT_XFAM } from '../../src/simulator/tdx-quote.js';
import type { TdMeasurements } from '../../src/simulator/tdx-quote.js';

/** 2026-11-23T15:50:11Z, Unix seconds. */
export const NOW = 1_795_449_011;
export const clock = (): number => NOW;

export const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
export const otherSeed = new Uint8Array(32).fill(0xee);

export const reportData = Uint8Array.from({ length: 64 }, (_, i) => i);
export const imageHash = new Uint8Array(32).fill(0x11);

export const app: DevelopmentApp = {
  appId: new Uint8Array(20).fill(0xa0),
  composeHash: new Uint8Array(32).fill(0xc0),
  instanceId: new Uint8Array(20).fill(0x10),
  keyProvider: { name: 'kms', id: '3059' },
  storageFs: 'zfs',
};

export const measurement = (name: string): Uint8Array => Uint8Array.from(createHash('sha384').update(name).digest());

export const td: TdMeasurements = {
  mrTd: measurement('mrtd'),
  mrConfigId: measurement('config'),
  mrOwner: measurement('owner'),
  mrOwnerConfig: measurement('owner config'),
  rtmrs: [measurement('0'), measurement('1'), measurement('2'), measurement('3')],
  tdAttributes: DEFAULT_TD_ATTRIBUTES,
  xfam: DEFAULT_XFAM,
};

export const pki = createDevelopmentTdxPki(seed);
export const quoter = createDevelopmentQuoter(seed, pki);
export const collateral = createDevelopmentCollateral(pki, { now: NOW });

/** The error `run` throws; fails the test when it throws none. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

export const hex = (bytes: ArrayLike<number>): string => Buffer.from(bytes as Uint8Array).toString('hex');

/** A copy with the lowest bit of one byte turned over. */
export function flipped(bytes: Uint8Array, offset: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[offset] = (copy[offset] ?? 0) ^ 1;
  return copy;
}

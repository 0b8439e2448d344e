import type { DevelopmentApp } from '../../../src/simulator/boot-events.js';

// The machine the mounted devices belong to, the same in the process that serves them and in the tests.

/** Of every development key. */
export const seed: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => 64 + i);

/** SHA-256 standing for the OS image. */
export const imageHash: Uint8Array = new Uint8Array(32).fill(0x33);

/** What the machine was started for. */
export const app: DevelopmentApp = {
  appId: new Uint8Array(20).fill(0xa0),
  composeHash: new Uint8Array(32).fill(0xc0),
  instanceId: new Uint8Array(20).fill(0x10),
  keyProvider: { name: 'kms', id: '3059' },
  storageFs: 'zfs',
};

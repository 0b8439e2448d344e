import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { parseAppKeys, type AppKeys } from '../../src/guest-agent/app-keys.js';
import { createFixtureEvidence, type FixtureEvidence } from '../../src/simulator/fixture-platform.js';

/** The public simulator's input files (test/vectors/README.md). */
export const FIXTURE_DIR = new URL('../vectors/guest-agent/', import.meta.url);

export const fixtureFile = (name: string): Buffer => readFileSync(new URL(name, FIXTURE_DIR));

export const fixtureKeys = (): AppKeys => parseAppKeys(fixtureFile('appkeys.json').toString());

export const fixtureEvidence = (): FixtureEvidence =>
  createFixtureEvidence({ attestation: fixtureFile('attestation.bin'), patchReportData: true, seed: null, clock: () => 1_790_000_000_000 });

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** Matches an error by class and code. */
export const errorCode = (name: string, code: string): unknown => expect.objectContaining({ name, code });

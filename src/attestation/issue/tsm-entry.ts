import { mkdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import { isDirectory, readAttribute, systemCode } from './device-file.js';

/** Overrides given by environment variables are shorter than this (spec/attestation.md sections 1.1 and 1.4). */
const MAX_OVERRIDE_BYTES = 240;
/** Looks at a new entry's provider; the kernel needs microseconds. */
const PROVIDER_TRIES = 5;

export interface TsmPaths {
  /** Where configfs-tsm is mounted: `/sys/kernel/config/tsm/report`. */
  readonly base: string;
  /** Entry below the base: `com.intel.dcap`. */
  readonly entryName: string;
  /** Value of `DCAP_TDX_QUOTE_CONFIGFS_PATH`, or null when it is not set. */
  readonly override: string | null;
}

/** True for the provider text of a TDX guest. */
export async function isTdxEntry(entry: string): Promise<boolean> {
  return (await readAttribute(join(entry, 'provider')))?.startsWith('tdx_guest') ?? false;
}

/**
 * A directory given by environment variable: absolute, shorter than 240 bytes, existing. Never replaced by a default.
 * @throws EvidenceSourceError DEVICE_FAILED for its form, DEVICE_ABSENT when it is no directory
 */
export async function checkOverride(path: string, what: string): Promise<void> {
  if (!isAbsolute(path) || Buffer.byteLength(path) >= MAX_OVERRIDE_BYTES) {
    throw new EvidenceSourceError('DEVICE_FAILED', `${what} must be an absolute path of fewer than ${MAX_OVERRIDE_BYTES} bytes`);
  }
  if (!(await isDirectory(path))) throw new EvidenceSourceError('DEVICE_ABSENT', `${what} is not a directory: ${path}`);
}

/**
 * Finds the configfs-tsm entry to quote with, creating the default one at most once per resolver
 * (spec/attestation.md section 1.1). The result is null where the kernel has no configfs-tsm.
 */
export function createTsmEntryResolver(paths: TsmPaths): () => Promise<string | null> {
  const entry = join(paths.base, paths.entryName);
  let creation: Promise<void> | null = null;
  return async () => {
    if (paths.override !== null) return overridden(paths.override);
    if (await isTdxEntry(entry)) return entry;
    if (!(await isDirectory(paths.base))) return null;
    creation ??= create(entry);
    await creation;
    return entry;
  };
}

async function overridden(override: string): Promise<string> {
  await checkOverride(override, 'the configfs-tsm entry');
  if (await isTdxEntry(override)) return override;
  throw new EvidenceSourceError('DEVICE_FAILED', `no TDX provider at ${override}`);
}

async function create(entry: string): Promise<void> {
  try {
    await mkdir(entry, { recursive: false });
  } catch (cause) {
    // There since the look before: another process of this guest started at the same time.
    if (systemCode(cause) !== 'EEXIST') throw new EvidenceSourceError('DEVICE_FAILED', `cannot create ${entry}`, { cause });
  }
  for (let i = 0; i < PROVIDER_TRIES; i++) if (await isTdxEntry(entry)) return;
  throw new EvidenceSourceError('DEVICE_FAILED', `no TDX provider at ${entry}`);
}

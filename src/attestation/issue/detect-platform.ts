import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TeeVariant } from '../tee-variant.js';
import { exists, readAttribute } from './device-file.js';
import { isTdxEntry } from './tsm-entry.js';

/** Where Linux shows what the machine is. */
export interface PlatformPaths {
  readonly nsm: string;
  readonly productName: string;
  readonly sysVendor: string;
  readonly tdxGuest: string;
  readonly sevGuest: string;
  readonly tsmBase: string;
  readonly tsmEntryName: string;
  /** Value of `DCAP_TDX_QUOTE_CONFIGFS_PATH`, or null when it is not set. */
  readonly tsmOverride: string | null;
  readonly tpms: readonly string[];
}

export const PLATFORM_PATHS: PlatformPaths = {
  nsm: '/dev/nsm',
  productName: '/sys/class/dmi/id/product_name',
  sysVendor: '/sys/class/dmi/id/sys_vendor',
  tdxGuest: '/dev/tdx_guest',
  sevGuest: '/dev/sev-guest',
  tsmBase: '/sys/kernel/config/tsm/report',
  tsmEntryName: 'com.intel.dcap',
  tsmOverride: null,
  tpms: ['/dev/tpmrm0', '/dev/tpm0'],
};

/**
 * What evidence this machine can make, or null for none (spec/attestation.md section 1.0). `probeName` is a
 * directory name of this process alone: configfs shows its provider only in a directory somebody made.
 */
export async function detectPlatform(paths: PlatformPaths, probeName: string): Promise<TeeVariant | null> {
  switch (await machineKind(paths)) {
    case 'nitro-enclave':
      return 'dstack-nitro-enclave';
    case 'gcp':
      return (await hasTdx(paths)) ? 'dstack-gcp-tdx' : null;
    case 'aws-ec2':
      return (await anyExists(paths.tpms)) ? 'dstack-aws-nitro-tpm' : null;
    case 'dstack':
      if (await hasTdx(paths)) return 'dstack-tdx';
      return (await hasSevSnp(paths, probeName)) ? 'dstack-amd-sev-snp' : null;
  }
}

/** Unknown machines count as dstack's own. */
async function machineKind(paths: PlatformPaths): Promise<'nitro-enclave' | 'gcp' | 'aws-ec2' | 'dstack'> {
  // Before DMI, because an enclave can show the strings of the EC2 instance around it.
  if (await exists(paths.nsm)) return 'nitro-enclave';
  const product = await readAttribute(paths.productName);
  if (product === 'dstack' || product === 'qemu') return 'dstack';
  if (product === 'Google Compute Engine') return 'gcp';
  if (product === 'Nitro Enclave') return 'nitro-enclave';
  return (await readAttribute(paths.sysVendor)) === 'Amazon EC2' ? 'aws-ec2' : 'dstack';
}

async function hasTdx(paths: PlatformPaths): Promise<boolean> {
  if (await exists(paths.tdxGuest)) return true;
  if (paths.tsmOverride !== null) return isTdxEntry(paths.tsmOverride);
  for (const entry of [paths.tsmEntryName, ...(await entriesOf(paths.tsmBase))]) {
    if (await isTdxEntry(join(paths.tsmBase, entry))) return true;
  }
  return false;
}

async function hasSevSnp(paths: PlatformPaths, probeName: string): Promise<boolean> {
  if (await exists(paths.sevGuest)) return true;
  if (await isSevEntry(paths.tsmBase)) return true;
  for (const entry of await entriesOf(paths.tsmBase)) {
    if (await isSevEntry(join(paths.tsmBase, entry))) return true;
  }
  return probeSev(join(paths.tsmBase, probeName));
}

async function probeSev(probe: string): Promise<boolean> {
  try {
    await mkdir(probe, { recursive: false });
  } catch {
    return false;
  }
  const found = await isSevEntry(probe);
  // A probe left behind is an empty entry: harmless, and no reason to deny what was found.
  await rmdir(probe).catch(() => {});
  return found;
}

async function isSevEntry(directory: string): Promise<boolean> {
  const provider = await readAttribute(join(directory, 'provider'));
  return provider === 'sev_guest' || provider === 'sev-guest';
}

async function entriesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function anyExists(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) if (await exists(path)) return true;
  return false;
}

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { detectPlatform, type PlatformPaths } from '../../../src/attestation/issue/detect-platform.js';
import { scratch } from '../../native/addon.js';

type Files = Readonly<Record<string, string>>;

/** A machine made of files: names are those of the members of PlatformPaths, or paths below `tsm`. */
async function machine(files: Files): Promise<PlatformPaths> {
  const root = await scratch();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  return {
    nsm: join(root, 'nsm'),
    productName: join(root, 'product'),
    sysVendor: join(root, 'vendor'),
    tdxGuest: join(root, 'tdx_guest'),
    sevGuest: join(root, 'sev-guest'),
    tsmBase: join(root, 'tsm'),
    tsmEntryName: 'com.intel.dcap',
    tsmOverride: null,
    tpms: [join(root, 'tpmrm0'), join(root, 'tpm0')],
  };
}

const PROBE = 'dstack-probe-1';
const TDX_ENTRY: Files = { 'tsm/com.intel.dcap/provider': 'tdx_guest\n' };

describe('detectPlatform', () => {
  const cases: readonly (readonly [string, Files, string | null])[] = [
    ['nothing at all', {}, null],
    ['the NSM device', { nsm: '' }, 'dstack-nitro-enclave'],
    ['the NSM device on what DMI calls EC2', { nsm: '', vendor: 'Amazon EC2\n', tpm0: '' }, 'dstack-nitro-enclave'],
    ['the product Nitro Enclave', { product: 'Nitro Enclave\n' }, 'dstack-nitro-enclave'],
    ['dstack with the TDX device', { product: 'dstack\n', tdx_guest: '' }, 'dstack-tdx'],
    ['qemu with the default TSM entry', { product: 'qemu', ...TDX_ENTRY }, 'dstack-tdx'],
    ['an unknown product with the TDX device', { product: 'Standard PC\n', tdx_guest: '' }, 'dstack-tdx'],
    ['any TSM entry of a TDX provider', { 'tsm/other/provider': 'tdx_guest_2\n' }, 'dstack-tdx'],
    ['TDX and SEV-SNP at once', { tdx_guest: '', 'sev-guest': '' }, 'dstack-tdx'],
    ['the SEV device', { 'sev-guest': '' }, 'dstack-amd-sev-snp'],
    ['a SEV provider at the root', { 'tsm/provider': 'sev_guest\n' }, 'dstack-amd-sev-snp'],
    ['a SEV entry', { 'tsm/x/provider': 'sev-guest\n' }, 'dstack-amd-sev-snp'],
    ['a provider that only begins like SEV', { 'tsm/x/provider': 'sev_guest2\n' }, null],
    ['GCP with TDX', { product: 'Google Compute Engine\n', tdx_guest: '' }, 'dstack-gcp-tdx'],
    ['GCP without TDX', { product: 'Google Compute Engine\n', 'sev-guest': '' }, null],
    ['EC2 with a TPM', { vendor: 'Amazon EC2\n', tpmrm0: '' }, 'dstack-aws-nitro-tpm'],
    ['EC2 with the plain TPM', { vendor: 'Amazon EC2\n', tpm0: '' }, 'dstack-aws-nitro-tpm'],
    ['EC2 without a TPM', { vendor: 'Amazon EC2\n', tdx_guest: '' }, null],
    ['product before vendor', { product: 'dstack\n', vendor: 'Amazon EC2\n', tpm0: '', tdx_guest: '' }, 'dstack-tdx'],
    ['a product name that only begins like it', { product: 'dstack2\n', vendor: 'Amazon EC2\n', tpm0: '' }, 'dstack-aws-nitro-tpm'],
  ];
  test.each(cases)('%s', async (_, files, expected) => {
    expect(await detectPlatform(await machine(files), PROBE)).toBe(expected);
  });

  test('a TSM override that is no TDX entry makes the default entry not count', async () => {
    const paths = await machine(TDX_ENTRY);
    expect(await detectPlatform({ ...paths, tsmOverride: '/nowhere' }, PROBE)).toBeNull();
    expect(await detectPlatform({ ...paths, tsmOverride: join(paths.tsmBase, 'com.intel.dcap') }, PROBE)).toBe('dstack-tdx');
  });

  test('the probe directory is gone afterwards', async () => {
    const paths = await machine({ 'tsm/other/provider': 'arm_cca_guest\n' });
    expect(await detectPlatform(paths, PROBE)).toBeNull();
    expect(await readdir(paths.tsmBase)).toEqual(['other']);
  });
});

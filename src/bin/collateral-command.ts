import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { CollateralCommandIo } from '../app/collateral/command.js';
import { runCollateralFetch } from '../app/collateral/fetch.js';
import { runCollateralImport } from '../app/collateral/import.js';
import { runCollateralShow } from '../app/collateral/show.js';
import { addCertificateHosts, addPlaceOptions, certificateHostsOf, type OnlineOptions, placesOf } from './online-options.js';

const IO: CollateralCommandIo = {
  readFile,
  now: () => Date.now() / 1000,
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
};

export function collateralCommand(): Command {
  return new Command('collateral')
    .description('what verification looks up, for sites without a network. Exit status 0 done, 1 refused, expired or not to be had, 2 unreadable')
    .addCommand(fetchCommand())
    .addCommand(showCommand())
    .addCommand(importCommand());
}

interface FetchCommandOptions extends OnlineOptions {
  readonly fmspc?: string;
  readonly ca?: string;
  readonly tee: string;
  readonly evidence?: string;
  readonly snpProduct?: string;
  readonly chipId?: string;
  readonly tcb?: string;
  readonly root: string[];
  readonly out?: string;
  readonly cacheDir?: string;
  readonly recording?: string;
}

function fetchCommand(): Command {
  return addPlaceOptions(subcommand('fetch', 'get what verification looks up, verify it and write it to a file or a cache directory'))
    .option('--fmspc <hex>', 'kind of platform, 6 bytes')
    .option('--ca <name>', 'CA of its PCK certificate: processor or platform')
    .option('--tee <name>', 'tdx or sgx', 'tdx')
    .option('--evidence <file>', 'get what this evidence takes instead, of any platform')
    .option('--snp-product <name>', 'get the certificates of an SEV-SNP chip instead: Milan, Genoa or Turin')
    .option('--chip-id <hex>', 'CHIP_ID of its reports, 64 bytes')
    .option('--tcb <hex>', 'REPORTED_TCB of its reports, 8 bytes')
    .option('--out <file>', 'write one set of DCAP collateral, QuoteCollateralV3 JSON')
    .option('--cache-dir <dir>', 'put everything into the cache directory of a KMS or agent')
    .option('--recording <file>', 'add everything to a file of recorded HTTP answers')
    .action(async (options: FetchCommandOptions) => {
      const { tee, root: roots, fmspc = null, ca = null, evidence = null, snpProduct = null, chipId = null, tcb = null, out = null, cacheDir = null, recording = null } = options;
      const wanted = { tee, fmspc, ca, evidence, snpProduct, chipId, tcb };
      process.exitCode = await runCollateralFetch({ ...wanted, places: placesOf(options), roots, out, cacheDir, recording }, IO);
    });
}

function showCommand(): Command {
  return subcommand('show', 'say what collateral is there, how many days it has left and whether it verifies')
    .argument('[file]', 'QuoteCollateralV3 JSON, or recorded HTTP answers')
    .option('--cache-dir <dir>', 'cache directory instead of a file')
    .action(async (file: string | undefined, { cacheDir, root: roots }: { cacheDir?: string; root: string[] }) => {
      process.exitCode = await runCollateralShow({ file: file ?? null, cacheDir: cacheDir ?? null, roots }, IO);
    });
}

function importCommand(): Command {
  return addCertificateHosts(subcommand('import', 'put what verifies from a file into a cache directory'))
    .argument('<file>', 'QuoteCollateralV3 JSON, or recorded HTTP answers')
    .requiredOption('--cache-dir <dir>', 'cache directory of a KMS or agent')
    .action(async (file: string, { cacheDir, root: roots, certificateHost }: { cacheDir: string; root: string[]; certificateHost: readonly string[] }) => {
      process.exitCode = await runCollateralImport({ file, cacheDir, roots, certificateHosts: certificateHostsOf(certificateHost) }, IO);
    });
}

function subcommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--root <file>', 'trust anchor, PEM or DER, instead of the vendor\'s; may be repeated', (file: string, roots: string[]) => [...roots, file], [] as string[])
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
}

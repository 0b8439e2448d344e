import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { addOnlineOptions, onlinePlaces, type OnlineOptions } from './online-options.js';
import { runVerify } from '../app/verify-command.js';

export function verifyCommand(): Command {
  return addOnlineOptions(new Command('verify'))
    .description('Judge evidence in a file: a TDX or SGX quote, an SEV-SNP report, an NSM document or a versioned attestation. Exit status 0 accepted, 1 refused, 2 unreadable')
    .argument('<file>', 'binary, or hex text')
    .option('--collateral <file>', 'QuoteCollateralV3 JSON, or recorded HTTP answers')
    .option('--at <unix-seconds>', 'judge at this time instead of now')
    .option('--root <file>', 'trust anchor, PEM or DER, instead of the vendor\'s; may be repeated', (file: string, roots: string[]) => [...roots, file], [] as string[])
    .option('--report-data <hex>', 'what the report data must be, zero-padded to 64 bytes')
    .option('--json', 'print the verdict as JSON', false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .action(async (file: string, options: OnlineOptions & { online: boolean; collateral?: string; at?: string; root: string[]; reportData?: string; json: boolean }) => {
      // Whoever reads the verdict may stop reading; that is no failure of the evidence.
      process.stdout.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
      });
      process.exitCode = await runVerify(
        { file, collateral: options.collateral ?? null, online: onlinePlaces(options), at: options.at ?? null, roots: options.root, reportData: options.reportData ?? null, json: options.json },
        {
          readFile,
          now: () => Date.now() / 1000,
          out: (line) => process.stdout.write(`${line}\n`),
          err: (line) => process.stderr.write(`${line}\n`),
        },
      );
    });
}

import { Command } from 'commander';
import { createKmsApp } from '../app/kms.js';
import { loadKmsConfig } from '../config/kms-config.js';
import { stderrLogger } from './logger.js';
import { serve } from './serve.js';

export function kmsCommand(): Command {
  return new Command('kms')
    .description('Onboard while there are no keys, then the KMS over RA-TLS on the same port')
    .option('-c, --config <file>', 'TOML, or JSON unless it ends in .toml')
    .option('--log-level <level>', 'of pino', 'info')
    .action(async ({ config: file, logLevel }: { config?: string; logLevel: string }) => {
      const app = createKmsApp(loadKmsConfig(file ?? null, process.env), { log: stderrLogger(logLevel), environment: process.env });
      await serve({ start: async () => void (await app.start()), stop: (graceMs) => app.stop(graceMs), ended: app.ended });
    });
}

import { Command } from 'commander';
import { type FixtureSimulator, startFixtureSimulator } from '../app/simulator-command.js';
import { stderrLogger } from './logger.js';
import { serve } from './serve.js';

export function simulatorCommand(): Command {
  return new Command('simulator')
    .description('Guest Agent on recorded evidence: appkeys.json, app-compose.json, sys-config.json and attestation.bin of a directory')
    .requiredOption('--fixture <dir>', 'where the recorded files are')
    .requiredOption('--listen <dir>', 'existing directory dstack.sock, tappd.sock and external.sock appear in')
    .option('--seed <hex>', '32 bytes: sign evidence under the development root of this seed')
    .option('--log-level <level>', 'of pino', 'warn')
    .action(async (options: { fixture: string; listen: string; seed?: string; logLevel: string }) => {
      let simulator: FixtureSimulator | null = null;
      await serve({
        async start() {
          simulator = await startFixtureSimulator({
            fixtureDir: options.fixture,
            listenDir: options.listen,
            seed: options.seed ?? null,
            log: stderrLogger(options.logLevel),
          });
          for (const socket of simulator.sockets) process.stdout.write(`listening on ${socket}\n`);
        },
        stop: async (graceMs) => simulator?.stop(graceMs),
      });
    });
}

import { Command } from 'commander';
import { createGuestAgentApp } from '../app/guest-agent.js';
import { loadAgentConfig } from '../config/agent-config.js';
import { stderrLogger } from './logger.js';
import { serve } from './serve.js';

export function agentCommand(): Command {
  return new Command('agent')
    .description('Guest Agent: quotes, keys, certificates and signatures for the applications of this machine')
    .option('-c, --config <file>', 'TOML, or JSON unless it ends in .toml')
    .action(async ({ config: file }: { config?: string }) => {
      const config = loadAgentConfig(file ?? null);
      const app = createGuestAgentApp(config, { log: stderrLogger(config.logLevel), environment: process.env });
      await serve({ start: async () => void (await app.start()), stop: (graceMs) => app.stop(graceMs) });
    });
}

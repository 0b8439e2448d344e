import { Command } from 'commander';
import { messageChain } from '../errors/base.js';
import { agentCommand } from './agent-command.js';
import { collateralCommand } from './collateral-command.js';
import { kmsCommand } from './kms-command.js';
import { simulatorCommand } from './simulator-command.js';
import { verifyCommand } from './verify-command.js';
import { buildVersion } from '../app/build-version.js';
import { useNativeP256 } from '../app/native-p256.js';

const program = new Command('dstack')
  .description('Guest Agent, KMS and Onboard services of the dstack confidential-computing platform')
  .version(buildVersion().version)
  .addCommand(kmsCommand())
  .addCommand(agentCommand())
  .addCommand(simulatorCommand())
  .addCommand(verifyCommand())
  .addCommand(collateralCommand());

useNativeP256();
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`dstack: ${messageChain(error)}\n`);
  process.exitCode = 1;
}

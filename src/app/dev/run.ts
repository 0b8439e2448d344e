import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { assertNoTeeDevice } from '../../simulator/refuse-real-tee.js';
import { developmentBanner } from '../../simulator/banner.js';
import { agentChecks } from './agent-checks.js';
import { bringUp, type RunningSystem } from './bring-up.js';
import { runChecks } from './checks.js';
import { kmsChecks } from './kms-checks.js';
import { newcomerLines } from './newcomer.js';
import { freePort } from './free-port.js';
import { type DevelopmentPlatform, MACHINE_KINDS } from './platforms.js';
import { sessionChecks } from './session-checks.js';
import { createWorkspace, type Workspace } from './workspace.js';

export interface DevelopmentRun {
  readonly directory: string;
  readonly platform: DevelopmentPlatform;
  /** Exercise everything and end. */
  readonly once: boolean;
  /** 0 takes a free port. */
  readonly kmsPort: number;
  readonly agentPort: number;
  /** Aborted when the user wants it to end. */
  readonly stopped: AbortSignal;
  readonly say: (line: string) => void;
}

/** The whole system on the development platform (`npm start`). Returns the exit status: 0, or 1 with the first failure said. */
export async function runDevelopmentSystem(run: DevelopmentRun): Promise<number> {
  const { say } = run;
  const started = performance.now();
  try {
    assertNoTeeDevice();
    const ports = { kms: await freePort(run.kmsPort), agent: await freePort(run.agentPort) };
    const workspace = createWorkspace(run.directory, ports, Date.now() / 1000, run.platform);
    const { variant, roots } = MACHINE_KINDS[run.platform];
    for (const line of developmentBanner(variant, roots.map((key) => new X509Certificate(readFileSync(workspace.paths.rootCa[key])).raw))) say(line);
    const running = await bringUp(workspace, say);
    try {
      if (run.once) await exercise(running, workspace, say);
      else await stayUp(running, workspace, run);
    } finally {
      await running.stop();
    }
    if (run.once) say(`all of it in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return 0;
  } catch (error) {
    say(`FAILED  ${error instanceof Error ? describe(error) : String(error)}`);
    return 1;
  }
}

async function exercise({ system }: RunningSystem, workspace: Workspace, say: (line: string) => void): Promise<void> {
  let held = 0;
  for (const part of [agentChecks(system, workspace), kmsChecks(system), sessionChecks(system, workspace)]) {
    try {
      held += await runChecks(part.checks, say);
    } finally {
      await part.close();
    }
  }
  say(`${held} checks held`);
}

async function stayUp({ system, processes }: RunningSystem, workspace: Workspace, { stopped, say }: DevelopmentRun): Promise<void> {
  for (const line of newcomerLines(system, workspace)) say(line);
  say('ready');
  if (stopped.aborted) return;
  await Promise.race([once(stopped, 'abort'), ...processes.map((process) => process.failed)]);
  say('stopping');
}

function describe(error: Error): string {
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runVerify } from '../verify-command.js';
import { CheckFailed, expectEqual } from './checks.js';
import { CHALLENGE } from './platforms.js';
import type { Workspace } from './workspace.js';

/** `dstack verify` with the roots and the collateral of the development platform accepts the evidence. @param reportData hex it must be over */
export async function acceptedByCommand(evidence: Buffer, workspace: Workspace, reportData: string = CHALLENGE): Promise<void> {
  const { status, lines } = await verify(evidence, workspace, Object.values(workspace.paths.rootCa), reportData);
  if (status !== 0) throw new CheckFailed(`dstack verify refuses the evidence: ${lines.join(' ')}`);
}

/** Without those roots it does not, whatever else it is given. */
export async function refusedByCommand(evidence: Buffer, workspace: Workspace): Promise<void> {
  expectEqual((await verify(evidence, workspace, [], CHALLENGE)).status, 1, 'exit status of dstack verify');
}

async function verify(evidence: Buffer, { directory, paths }: Workspace, roots: readonly string[], reportData: string): Promise<{ readonly status: number; readonly lines: readonly string[] }> {
  const file = join(directory, 'evidence.bin');
  writeFileSync(file, evidence);
  const lines: string[] = [];
  const options = { file, collateral: paths.collateral, at: null, roots, reportData, json: true };
  const status = await runVerify(options, { readFile, now: () => Date.now() / 1000, out: (line) => void lines.push(line), err: () => undefined });
  return { status, lines };
}

import { DstackError, messageChain } from '../../errors/base.js';
import type { AcceptCollateral } from '../../outbound/collateral-source.js';
import { acceptUnderAny } from '../online-sources.js';
import { VerifyInputError } from '../verify/input.js';
import { assignRoots, type ExplicitRoot, readRoot, tdxRoots } from '../verify/roots.js';

/** What the command touches of the world besides the network and the files it writes. */
export interface CollateralCommandIo {
  readFile(path: string): Promise<Uint8Array>;
  /** Unix seconds. */
  now(): number;
  /** Lines for standard output and standard error, without newline. */
  out(line: string): void;
  err(line: string): void;
}

/** 0 done, 1 refused, expired or not to be had, 2 input unreadable or command misused. */
export type CollateralExitCode = 0 | 1 | 2;

/** Trust anchors in these files, instead of the vendors'. @throws VerifyInputError INPUT_UNREADABLE */
export async function explicitRoots(files: readonly string[], io: CollateralCommandIo): Promise<readonly ExplicitRoot[]> {
  const roots = [];
  for (const path of files) roots.push(readRoot(await read(path, io), path));
  return assignRoots(roots);
}

/** Collateral must verify now under one of the roots in these files, or Intel's. @throws VerifyInputError INPUT_UNREADABLE */
export async function acceptanceUnder(files: readonly string[], io: CollateralCommandIo): Promise<AcceptCollateral> {
  return acceptUnderAny(tdxRoots(await explicitRoots(files, io)), io.now);
}

/** Runs the command and says in words what went wrong. */
export async function reported(io: CollateralCommandIo, run: () => Promise<CollateralExitCode>): Promise<CollateralExitCode> {
  try {
    return await run();
  } catch (error) {
    if (isOfFileSystem(error)) {
      io.err(error.message);
      return 2;
    }
    if (!(error instanceof DstackError)) throw error;
    io.err(`${error.code}: ${messageChain(error)}`);
    return error instanceof VerifyInputError ? 2 : 1;
  }
}

/** @throws VerifyInputError INPUT_UNREADABLE */
export async function read(path: string, io: CollateralCommandIo): Promise<Uint8Array> {
  try {
    return await io.readFile(path);
  } catch (cause) {
    throw new VerifyInputError('INPUT_UNREADABLE', `cannot read ${path}`, { cause });
  }
}

function isOfFileSystem(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && !(error instanceof DstackError);
}

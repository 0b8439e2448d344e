import { vendorRoots } from '../../attestation/roots/vendor-roots.js';
import { DstackError, messageChain } from '../../errors/base.js';
import { type AcceptCollateral, acceptanceOf } from '../../outbound/collateral-source.js';
import { VerifyInputError } from '../verify/input.js';
import { readRoot } from '../verify/roots.js';

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

/** Collateral must verify now under the root in this file, or Intel's. @throws VerifyInputError INPUT_UNREADABLE */
export async function acceptanceUnder(root: string | null, io: CollateralCommandIo): Promise<AcceptCollateral> {
  const der = root === null ? vendorRoots().tdx : readRoot(await read(root, io), root).raw;
  return acceptanceOf({ root: der, clock: io.now, maxAgeSeconds: null });
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

import { constants, type Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { CollateralError } from '../errors/collateral-error.js';

/**
 * A whole file, or null when there is none. Links are not followed and nothing but a regular file is read.
 * @throws CollateralError COLLATERAL_ANSWER_INVALID for anything larger than `maxBytes` or not a file; errors of the file system
 */
export async function readFileBounded(path: string, maxBytes: number): Promise<Buffer | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: unknown) => (isAbsent(error) ? null : Promise.reject(error as Error)));
  if (file === null) return null;
  try {
    const found = await file.stat();
    if (!found.isFile() || found.size > maxBytes) throw new CollateralError('COLLATERAL_ANSWER_INVALID', `${path} is not a file of at most ${maxBytes} bytes`);
    const buffer = Buffer.alloc(found.size);
    const { bytesRead } = await file.read(buffer, 0, found.size, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** A text that is another one whenever the file at `path` was replaced or written to; "" for no file. */
export async function fileVersion(path: string): Promise<string> {
  const found = await stat(path).catch((error: unknown) => (isAbsent(error) ? null : Promise.reject(error as Error)));
  return found === null ? '' : versionOf(found);
}

/** The same of a file that was looked at. */
export function versionOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}

export function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

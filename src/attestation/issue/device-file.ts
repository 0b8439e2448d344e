import { open, stat } from 'node:fs/promises';
import { EvidenceSourceError } from '../../errors/evidence-source-error.js';

/** The `code` of a system error (ENOENT, …), or null. */
export function systemCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** True when `path` leads somewhere; a path that cannot be looked at does not. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

export async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/**
 * The whole of a file that may be a kernel's (size unknown beforehand), null when it does not exist.
 * @throws EvidenceSourceError DEVICE_FAILED when unreadable or above `maxBytes`
 */
export async function readBounded(path: string, maxBytes: number): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    const file = await open(path, 'r');
    // Closed by the stream when the loop ends, however it ends.
    for await (const chunk of file.createReadStream({ highWaterMark: 65_536 })) {
      total += (chunk as Buffer).length;
      if (total > maxBytes) break;
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return null;
    throw new EvidenceSourceError('DEVICE_FAILED', `cannot read ${path}`, { cause });
  }
  if (total > maxBytes) throw new EvidenceSourceError('DEVICE_FAILED', `${path} is above ${maxBytes} bytes`);
  return Buffer.concat(chunks);
}

/** The trimmed text of a small kernel attribute, at most 4096 bytes; null when it cannot be read. */
export async function readAttribute(path: string): Promise<string | null> {
  try {
    const bytes = await readBounded(path, 4096);
    return bytes === null ? null : Buffer.from(bytes).toString('utf8').trim();
  } catch {
    return null;
  }
}

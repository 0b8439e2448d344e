import { constants } from 'node:fs';
import { mkdir, open, rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Told before and after every step that changes the disk; tests kill the process in it. */
export type StepObserver = (step: string) => void;

/** File operations that are on the disk when they return, each reported to `observe`. */
export class DurableFiles {
  readonly #observe: StepObserver;

  constructor(observe: StepObserver = () => undefined) {
    this.#observe = observe;
  }

  /** Creates `path` with `mode`, writes and fsyncs it. Fails if it exists, so that nothing is ever overwritten in place. */
  async writeNew(path: string, content: string | Uint8Array, mode: number): Promise<void> {
    this.#observe(`open ${path}`);
    const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode);
    try {
      // The umask may have taken bits away; it can never have added any.
      this.#observe(`write ${path}`);
      await file.writeFile(content);
      this.#observe(`sync ${path}`);
      await file.sync();
    } finally {
      await file.close();
    }
    this.#observe(`written ${path}`);
  }

  /** Gives `path` this content: whatever moment the process dies at, it holds the old content or the new; the old when it fails, as on a full disk. */
  async replace(path: string, content: string | Uint8Array, mode: number): Promise<void> {
    const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
    // A leftover of a process that had the same id; it was never the file.
    await unlink(temporary).catch(() => undefined);
    try {
      await this.writeNew(temporary, content, mode);
      await this.rename(temporary, path, [dirname(path)]);
    } catch (error) {
      // Half a file would only keep the disk full.
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
  }

  /** Renames and makes the new name durable. */
  async rename(from: string, to: string, directories: readonly string[]): Promise<void> {
    this.#observe(`rename ${to}`);
    await rename(from, to);
    this.#observe(`renamed ${to}`);
    for (const directory of directories) await this.syncDirectory(directory);
  }

  async makeDirectory(path: string, parent: string): Promise<void> {
    this.#observe(`mkdir ${path}`);
    await mkdir(path, { mode: 0o700 });
    await this.syncDirectory(parent);
  }

  async removeDirectory(path: string, parent: string): Promise<void> {
    this.#observe(`rmdir ${path}`);
    await rmdir(path);
    await this.syncDirectory(parent);
  }

  async remove(path: string): Promise<void> {
    this.#observe(`unlink ${path}`);
    await unlink(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#observe(`sync ${path}`);
    const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

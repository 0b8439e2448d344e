import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { ERRNO, refuse } from './nodes.js';

// What copy_from_user and copy_to_user are to a driver. /proc/<pid>/mem asks for the same right as process_vm_readv(2):
// that of a debugger, which a user has over its own processes unless Yama (kernel.yama.ptrace_scope) takes it away.

/** @throws Errno EFAULT for an address the caller has no memory at */
export function readCallerMemory(pid: number, address: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const done = withMemory(pid, 'r', (fd) => readSync(fd, bytes, 0, length, address));
  return done === length ? bytes : refuse(ERRNO.EFAULT);
}

/** @throws Errno EFAULT for an address the caller has no memory at */
export function writeCallerMemory(pid: number, address: bigint, bytes: Uint8Array): void {
  const done = withMemory(pid, 'r+', (fd) => writeSync(fd, bytes, 0, bytes.length, Number(address)));
  if (done !== bytes.length) refuse(ERRNO.EFAULT);
}

function withMemory(pid: number, flags: 'r' | 'r+', work: (fd: number) => number): number {
  const fd = openSync(`/proc/${pid}/mem`, flags);
  try {
    return work(fd);
  } catch {
    return refuse(ERRNO.EFAULT);
  } finally {
    closeSync(fd);
  }
}

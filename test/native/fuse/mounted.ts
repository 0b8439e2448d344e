import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { buildPrograms } from './build.js';
import type { Order, Seen } from './control.js';
import { NO_NSM_FAULTS, NO_RTMR_FAULTS, NO_SNP_FAULTS, NO_TPM_FAULTS, NO_TSM_FAULTS, type NsmFaults, type RtmrFaults, type SnpFaults, type TpmFaults, type TsmFaults } from './faults.js';

declare module 'vitest' {
  interface TaskMeta {
    /** Which of the kernel's interfaces the test goes through; see exercised-reporter.ts. */
    exercises?: string;
  }
}

/** The stand-ins of server.ts below one mount point, for all tests of a file. */
export interface Devices {
  /** `tsm`, `measurements` and `dev` are below it. */
  path(...parts: readonly string[]): string;
  /** Sets these faults and takes all others away. */
  misbehave(faults: Misbehaviour): Promise<void>;
  seen(): Promise<Seen>;
  /** A new boot, which tests of a machine's first moments need again and again. */
  reboot(): Promise<void>;
  /** True when they are mounted: for what a file does once before its tests. */
  mounted(): boolean;
}

export interface Misbehaviour {
  readonly tsm?: Partial<TsmFaults>;
  readonly rtmr?: Partial<RtmrFaults>;
  readonly nsm?: Partial<NsmFaults>;
  readonly tpm?: Partial<TpmFaults>;
  readonly snp?: Partial<SnpFaults>;
}

/** Compilers on a busy machine, one test file after the other. */
const BUILD_MS = 180_000;

interface Mounted {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly point: string;
  order(order: Order): Promise<Seen>;
}

/**
 * Mounts the devices before the tests of this file and unmounts them after. Each test begins with a machine that has just
 * booted and has no faults. Where FUSE is not to be had, every test is skipped with the reason; with REQUIRE_DEVICES=1
 * that is a failure, unless the kernel has no /dev/fuse at all.
 */
export function mountDevices(exercises: string, { tpm = false } = {}): Devices {
  let mounted: Mounted | null = null;
  let missing = '';
  const devices = (): Mounted => {
    if (mounted === null) throw new Error(`not mounted: ${missing}`);
    return mounted;
  };
  beforeAll(async () => {
    missing = 'the kernel has no /dev/fuse';
    if (!existsSync('/dev/fuse')) return;
    try {
      if (tpm && spawnSync('swtpm', ['--version']).status !== 0) throw new Error('swtpm is not installed');
      mounted = await mount();
    } catch (error) {
      if (process.env['REQUIRE_DEVICES'] === '1') throw error;
      missing = (error as Error).message;
    }
  }, BUILD_MS);
  beforeEach(async ({ task, skip }) => {
    task.meta.exercises = exercises;
    if (mounted === null) return skip(missing);
    await mounted.order({ tsm: NO_TSM_FAULTS, rtmr: NO_RTMR_FAULTS, nsm: NO_NSM_FAULTS, tpm: NO_TPM_FAULTS, snp: NO_SNP_FAULTS, reboot: true });
  });
  afterAll(async () => {
    if (mounted !== null) await unmount(mounted);
  });
  return {
    path: (...parts) => join(devices().point, ...parts),
    misbehave: async (faults) => {
      await devices().order(orderFor(faults));
    },
    seen: () => devices().order({}),
    reboot: async () => {
      await devices().order({ reboot: true });
    },
    mounted: () => mounted !== null,
  };
}

function orderFor({ tsm, rtmr, nsm, tpm, snp }: Misbehaviour): Order {
  return {
    tsm: { ...NO_TSM_FAULTS, ...tsm },
    rtmr: { ...NO_RTMR_FAULTS, ...rtmr },
    nsm: { ...NO_NSM_FAULTS, ...nsm },
    tpm: { ...NO_TPM_FAULTS, ...tpm },
    snp: { ...NO_SNP_FAULTS, ...snp },
  };
}

async function mount(): Promise<Mounted> {
  const programs = await buildPrograms();
  const folder = await mkdtemp(join(tmpdir(), 'devices-'));
  const [point, tpmState] = [join(folder, 'mounted'), join(folder, 'tpm')];
  for (const path of [point, tpmState]) await mkdir(path);
  const env = { ...process.env, SWTPM_STATE: tpmState };
  const child = spawn(programs.mount, [point, process.execPath, programs.server], { env, stdio: ['ignore', 'inherit', 'pipe', 'ipc'], serialization: 'advanced' });
  let complaint = '';
  child.stderr?.on('data', (text: Buffer) => {
    complaint += text.toString();
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error(complaint.trim() || 'the server of the devices ended');
  });
  ended.catch(() => {});
  const mounted: Mounted = {
    child,
    folder,
    point,
    order: async (order) => {
      child.send(order);
      const [seen] = (await Promise.race([once(child, 'message'), ended])) as [Seen];
      return seen;
    },
  };
  try {
    await mounted.order({});
    return mounted;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The server ends when its channel does, and mount.cc unmounts then. */
async function unmount({ child, folder, point }: Mounted): Promise<void> {
  // 'exit', because 'close' does not come once the channel is gone.
  const ended = once(child, 'exit');
  if (child.connected) child.disconnect();
  if (child.exitCode === null) await ended;
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  if (mounts.includes(point)) throw new Error(`still mounted: ${point}`);
  await rm(folder, { recursive: true });
}

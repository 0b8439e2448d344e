import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { EvidenceSourceError, type EvidenceSourceCode } from '../errors/evidence-source-error.js';
import { NativeModuleError } from '../errors/native-module-error.js';
import { BUILD_HELP, defaultAddonPath } from './addon-path.js';
import type { NativeBinding, OpenTpmRequest, TpmDevice, VsockListener, VsockListenRequest } from './binding.js';

const CODES: ReadonlySet<string> = new Set<EvidenceSourceCode>(['DEVICE_ABSENT', 'DEVICE_BUSY', 'DEVICE_FAILED', 'DEVICE_TIMEOUT']);

/**
 * Loads the native addon: the one door to it, to be opened by the composition of a process that needs a
 * device, never at import time.
 * @throws NativeModuleError NATIVE_MODULE_MISSING or NATIVE_MODULE_INVALID, naming the command to run
 */
export function loadNative(addonPath: string = defaultAddonPath()): NativeBinding {
  if (!existsSync(addonPath)) throw new NativeModuleError('NATIVE_MODULE_MISSING', `no native addon at ${addonPath}: ${BUILD_HELP}`);
  let addon: unknown;
  try {
    addon = createRequire(import.meta.url)(addonPath);
  } catch (cause) {
    throw new NativeModuleError('NATIVE_MODULE_INVALID', `cannot load ${addonPath}: ${BUILD_HELP}`, { cause });
  }
  return {
    tsmQuote: asynchronous(addon, 'tsmQuote'),
    tdxReport: asynchronous(addon, 'tdxReport'),
    tdxExtendRtmr: asynchronous(addon, 'tdxExtendRtmr'),
    sysfsExtendRtmr: asynchronous(addon, 'sysfsExtendRtmr'),
    nsmRequest: asynchronous(addon, 'nsmRequest'),
    qgsExchange: asynchronous(addon, 'qgsExchange'),
    lockFile: asynchronous(addon, 'lockFile'),
    openTpm: tpmOpener(asynchronous(addon, 'openTpm')),
    snpExtendedReport: asynchronous(addon, 'snpExtendedReport'),
    peerCredentials: synchronous(addon, 'peerCredentials'),
    vsockListen: vsockListener(synchronous(addon, 'vsockListen')),
    vsockConnect: asynchronous(addon, 'vsockConnect'),
    p256PublicKey: synchronous(addon, 'p256PublicKey'),
  };
}

/**
 * The one place that turns the addon's errors (`code`, `errno`) into ours. A TypeError about an argument is a
 * mistake in this program and stays what it is.
 */
export function fromNativeError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string' || !CODES.has(error.code)) return error;
  return new EvidenceSourceError(error.code as EvidenceSourceCode, error.message, { cause: error });
}

type Operation = keyof NativeBinding;

function operation(addon: unknown, name: Operation): unknown {
  const found: unknown = typeof addon === 'object' && addon !== null ? (addon as Record<string, unknown>)[name] : null;
  if (typeof found === 'function') return found;
  throw new NativeModuleError('NATIVE_MODULE_INVALID', `the native addon has no ${name}: ${BUILD_HELP}`);
}

function asynchronous<Request, Answer>(addon: unknown, name: Operation): (request: Request) => Promise<Answer> {
  return converting(operation(addon, name) as (request: Request) => Promise<Answer>);
}

function converting<Args extends readonly unknown[], Answer>(call: (...args: Args) => Promise<Answer>): (...args: Args) => Promise<Answer> {
  return async (...args) => {
    try {
      return await call(...args);
    } catch (error) {
      throw fromNativeError(error);
    }
  };
}

function tpmOpener(open: (request: OpenTpmRequest) => Promise<TpmDevice>): (request: OpenTpmRequest) => Promise<TpmDevice> {
  return async (request) => {
    const device = await open(request);
    return { transceive: converting((command) => device.transceive(command)), close: converting(() => device.close()) };
  };
}

function vsockListener(listen: (request: VsockListenRequest) => VsockListener): (request: VsockListenRequest) => VsockListener {
  return (request) => {
    const listener = listen(request);
    const { cid, port } = listener;
    return { cid, port, takeBell: () => listener.takeBell(), accept: throwing(() => listener.accept()), close: () => listener.close() };
  };
}

function synchronous<Request, Answer>(addon: unknown, name: Operation): (request: Request) => Answer {
  return throwing(operation(addon, name) as (request: Request) => Answer);
}

function throwing<Args extends readonly unknown[], Answer>(call: (...args: Args) => Answer): (...args: Args) => Answer {
  return (...args) => {
    try {
      return call(...args);
    } catch (error) {
      throw fromNativeError(error);
    }
  };
}

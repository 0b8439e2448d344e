import { DstackError } from './base.js';

export type NativeModuleCode = 'NATIVE_MODULE_MISSING' | 'NATIVE_MODULE_INVALID';

/** The native addon was never built here, or what was built is of another version. Names the command that helps. */
export class NativeModuleError extends DstackError<NativeModuleCode> {}

import type { MeasurementView } from '../attestation/evidence/app-info.js';
import { type BootInfo, bootInfo } from '../attestation/evidence/boot-info.js';
import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import { invalidArgument } from '../errors/service-error.js';
import { VerificationError } from '../errors/verification-error.js';
import { withContext } from '../errors/with-context.js';

/** Worked out once for the evidence of a connection: it follows from evidence and view alone, and is never changed. */
const known: Readonly<Record<MeasurementView, WeakMap<VerifiedAttestation, BootInfo>>> = { runtime: new WeakMap(), 'boot-time': new WeakMap() };

/**
 * BootInfo of a caller. A VM configuration it sent along is an argument; the one in its evidence is part of the evidence.
 * @param vmConfig "" for the embedded one
 * @throws VerificationError APP_ID_INVALID, VM_CONFIG_MALFORMED (of the evidence); ServiceError INVALID_ARGUMENT (`vmConfig`)
 */
export function callerBootInfo(verified: VerifiedAttestation, vmConfig: string, view: MeasurementView): BootInfo {
  const found = vmConfig === '' ? known[view].get(verified) : undefined;
  if (found !== undefined) return found;
  const info = describe(verified, vmConfig, view);
  if (vmConfig === '') known[view].set(verified, info);
  return info;
}

function describe(verified: VerifiedAttestation, vmConfig: string, view: MeasurementView): BootInfo {
  try {
    return bootInfo(verified, { config: vmConfig, view });
  } catch (error) {
    if (!(error instanceof VerificationError) || error.code !== 'VM_CONFIG_MALFORMED') throw error;
    const text = 'decode app info: Failed to decode os image hash';
    throw vmConfig === '' ? withContext(error, text) : invalidArgument(text, { cause: error });
  }
}

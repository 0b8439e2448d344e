import { PLATFORM_NAMES, type TeeVariant } from '../attestation/tee-variant.js';
import { ServiceError } from '../errors/service-error.js';

/** The refusal of a call this platform cannot answer, naming the platform found and the call to use instead (spec/api.md section 1). */
export function unsupportedPlatform(variant: TeeVariant, wanted: string, instead: string): ServiceError {
  return new ServiceError('UNSUPPORTED_PLATFORM', `${wanted} is not available on ${PLATFORM_NAMES[variant]}; use ${instead}`);
}

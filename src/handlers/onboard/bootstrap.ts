import type { BootstrapRequestSchema, BootstrapResponseSchema } from '../../../gen/dstack/kms/v1/onboard_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import type { Onboarding } from '../../onboard/onboarding.js';
import { bootstrapResponse } from '../bootstrap-response.js';

export function bootstrap(onboarding: Onboarding): UnaryHandler<typeof BootstrapRequestSchema, typeof BootstrapResponseSchema> {
  return async ({ domain }) => bootstrapResponse(await onboarding.bootstrap(domain));
}

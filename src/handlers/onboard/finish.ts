import type { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { UnaryHandler } from '../../http/method.js';
import type { Onboarding } from '../../onboard/onboarding.js';

/** @param requestSwitch ends onboarding once every answer under way, this one included, has been delivered */
export function finish(onboarding: Onboarding, requestSwitch: () => void): UnaryHandler<typeof EmptySchema, typeof EmptySchema> {
  return () => {
    onboarding.assertFinishable();
    requestSwitch();
    return {};
  };
}

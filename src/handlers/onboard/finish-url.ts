import { ServiceError } from '../../errors/service-error.js';
import type { PlainAnswer, PlainRoute } from '../../http/plain-route.js';
import type { Onboarding } from '../../onboard/onboarding.js';

export const FINISH_PROCEDURE = 'plain/finish';

/** `GET /finish` (spec/api.md section 3.2): 200 and the switch once the answer is out, or 409 and nothing. */
export function finishUrl(onboarding: Onboarding, requestSwitch: () => void): PlainRoute {
  return {
    procedure: FINISH_PROCEDURE,
    verb: 'GET',
    path: '/finish',
    handle: ({ method }) => {
      try {
        onboarding.assertFinishable();
      } catch (error) {
        return conflict(error);
      }
      const ok: PlainAnswer = { status: 200, contentType: 'text/plain; charset=utf-8', body: 'OK' };
      // HEAD only looks.
      return method === 'GET' ? { ...ok, afterSent: requestSwitch } : ok;
    },
  };
}

function conflict(error: unknown): PlainAnswer {
  if (!(error instanceof ServiceError)) throw error;
  return { status: 409, contentType: 'application/json', body: JSON.stringify({ error: error.message, code: error.code }, null, 2) };
}

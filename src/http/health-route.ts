import type { PlainRoute } from './plain-route.js';

/** Name of the route in the access table, audit records and metrics. */
export const HEALTH_PROCEDURE = 'plain/health';

/** `GET /health`: `OK` as long as the process answers (spec/prpc.md section 1). For load balancers; says nothing else. */
export function healthRoute(): PlainRoute {
  return {
    procedure: HEALTH_PROCEDURE,
    verb: 'GET',
    path: '/health',
    handle: () => ({ status: 200, contentType: 'text/plain; charset=utf-8', body: 'OK' }),
  };
}

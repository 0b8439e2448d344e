import type { PlainRoute } from '../../http/plain-route.js';

/** `GET /health`: 200 while the process serves. */
export function healthUrl(): PlainRoute {
  return {
    procedure: 'plain/health',
    verb: 'GET',
    path: '/health',
    handle: () => ({ status: 200, contentType: 'text/plain; charset=utf-8', body: 'OK\n' }),
  };
}

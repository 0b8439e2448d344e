import type { PlainRoute } from '../http/plain-route.js';

export const METRICS_PROCEDURE = 'plain/metrics';

/** Something that counts, in the Prometheus text format 0.0.4. */
export interface MetricsText {
  text(): string;
}

/** `GET /metrics` (spec/kms.md section 19). */
export function metricsUrl(metrics: MetricsText): PlainRoute {
  return {
    procedure: METRICS_PROCEDURE,
    verb: 'GET',
    path: '/metrics',
    handle: () => ({ status: 200, contentType: 'text/plain; charset=utf-8', body: metrics.text() }),
  };
}

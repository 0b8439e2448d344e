import type { PlainRoute } from '../../http/plain-route.js';
import type { KmsMetrics } from '../../kms/metrics.js';

export const METRICS_PROCEDURE = 'plain/metrics';

/** `GET /metrics` in the Prometheus text format (spec/kms.md section 19). */
export function metricsUrl(metrics: KmsMetrics): PlainRoute {
  return {
    procedure: METRICS_PROCEDURE,
    verb: 'GET',
    path: '/metrics',
    handle: () => ({ status: 200, contentType: 'text/plain; charset=utf-8', body: metrics.text() }),
  };
}

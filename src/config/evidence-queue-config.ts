import { z } from 'zod';
import type { QuoteLimits } from '../attestation/issue/quote-admission.js';

const PER_PEER = 32;

/** `core.evidence_queue` of the KMS, `default.core.evidence_queue` of the agent: the queue before the evidence device (decision 0007). */
export const evidenceQueueTable = z
  .strictObject({
    max_callers: z.number().int().min(1).max(4_096).default(64),
    max_callers_per_peer: z.number().int().min(1).max(4_096).optional(),
    max_wait: z.number().int().min(1).max(3_600).default(120),
  })
  .superRefine(({ max_callers: all, max_callers_per_peer: own }, context) => {
    if (own !== undefined && own > all) context.addIssue({ code: 'custom', path: ['max_callers_per_peer'], message: `must be at most max_callers, ${all}` });
  });

export function quoteLimitsOf({ max_callers: maxCallers, max_callers_per_peer: own, max_wait: seconds }: z.infer<typeof evidenceQueueTable>): QuoteLimits {
  return { maxCallers, maxCallersPerPeer: own ?? Math.min(PER_PEER, maxCallers), waitMs: seconds * 1_000 };
}

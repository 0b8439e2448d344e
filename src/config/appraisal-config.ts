import { z } from 'zod';
import { TCB_STATUSES } from '../attestation/dcap/tcb-status.js';
import type { AppraisalPolicy } from '../attestation/appraisal/policy.js';

const hash = z
  .string()
  .regex(/^(0x)?[0-9a-f]{64}$/i, 'must be 32 bytes of hex')
  .transform((text) => text.toLowerCase().replace(/^0x/, ''));
const list = z.array(hash).max(65_536).nullable().default(null);
const status = z.enum(TCB_STATUSES).refine((text) => text !== 'Revoked', 'Revoked is never accepted');
const advisory = z.string().min(1).max(64);

/** `core.appraisal`: what genuine evidence must look like before the release policy is asked at all. */
export const appraisalTable = z.strictObject({
  accepted_tcb_statuses: z.union([z.literal('any'), z.array(status).max(8)]).default(['UpToDate']),
  tcb_grace_period: z.number().int().min(0).max(366 * 86_400).default(0),
  accepted_advisory_ids: z.union([z.literal('any'), z.array(advisory).max(1024)]).default([]),
  minimum_tcb_evaluation_number: z.number().int().min(0).max(0xffff_ffff).default(0),
  measurements: z.strictObject({ os_image_hash: list, mr_system: list, mr_aggregated: list, device_id: list }).prefault({}),
});

/** The policy the table asks for. Debug mode is not among what can be asked. */
export function appraisalPolicyOf(raw: z.infer<typeof appraisalTable>): AppraisalPolicy {
  const { accepted_tcb_statuses: statuses, measurements } = raw;
  return {
    acceptedTcbStatuses: statuses === 'any' ? TCB_STATUSES.filter((text) => text !== 'Revoked') : statuses,
    tcbGraceSeconds: raw.tcb_grace_period,
    acceptedAdvisoryIds: raw.accepted_advisory_ids,
    minimumTcbEvaluationNumber: raw.minimum_tcb_evaluation_number,
    measurements: {
      osImageHash: measurements.os_image_hash,
      mrSystem: measurements.mr_system,
      mrAggregated: measurements.mr_aggregated,
      deviceId: measurements.device_id,
    },
    insecureAllowDebug: false,
  };
}

import { AppraisalError } from '../../errors/appraisal-error.js';
import type { AppInfo } from '../evidence/app-info.js';
import { type Claim, claimOf, contraindicated } from './claim.js';
import type { MeasurementLists } from './policy.js';

const FIELDS: readonly (keyof MeasurementLists)[] = ['osImageHash', 'mrSystem', 'mrAggregated', 'deviceId'];

/**
 * The claim `measurements-listed`: every list that was configured holds the evidence's value.
 * @param info called only when there is a list to compare with
 * Refusal: MEASUREMENT_NOT_LISTED, naming the field.
 */
export function listedClaim(lists: MeasurementLists, info: () => AppInfo): Claim {
  const asked = FIELDS.filter((field) => lists[field] !== null);
  if (asked.length === 0) return claimOf('measurements-listed', 'none', null);
  const found = info();
  for (const field of asked) {
    const value = Buffer.from(found[field]).toString('hex');
    if (lists[field]?.includes(value) === true) continue;
    return contraindicated('measurements-listed', value, new AppraisalError('MEASUREMENT_NOT_LISTED', `${field} ${value} is not on the list`));
  }
  return claimOf('measurements-listed', 'affirming', asked);
}

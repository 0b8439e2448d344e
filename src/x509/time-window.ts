import { VerificationError } from '../errors/verification-error.js';
import type { VerificationCode } from '../errors/verification-error.js';

/** When something signed may be relied on, kept beside its verdict so that a cached verdict is judged at the time of each use. */
export interface TimeWindow {
  /** Unix seconds, first valid second. */
  readonly from: number;
  /** Unix seconds, last valid second (whatever expires "at" a time has `until` one second before it). */
  readonly until: number;
  /** Code of the refusal before and after the window. */
  readonly early: VerificationCode;
  readonly late: VerificationCode;
  /** What has the window, for the message. */
  readonly subject: string;
}

/**
 * @param now unix seconds; fractions are dropped, as every window is in whole seconds
 * @throws VerificationError with the window's own code
 */
export function assertWithin(window: TimeWindow, now: number): void {
  const second = Math.floor(now);
  if (!(second >= window.from)) throw new VerificationError(window.early, `${window.subject} is valid from ${isoTime(window.from)}, not yet`);
  if (!(second <= window.until)) throw new VerificationError(window.late, `${window.subject} has expired: valid until ${isoTime(window.until)}`);
}

/** Checks the windows in order. @throws VerificationError with the code of the first one `now` is outside of */
export function assertAllWithin(windows: readonly TimeWindow[], now: number): void {
  for (const window of windows) assertWithin(window, now);
}

/** Unix seconds of the last second that is inside all windows' ends. */
export function earliestEnd(windows: readonly TimeWindow[]): number {
  let until = Number.MAX_SAFE_INTEGER;
  for (const window of windows) until = Math.min(until, window.until);
  return until;
}

function isoTime(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  return Number.isNaN(date.getTime()) ? 'always' : date.toISOString();
}

import { isDeepStrictEqual } from 'node:util';
import type { Answer } from './http.js';

/** One named expectation of the summary. */
export interface Check {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** A check that did not hold. */
export class CheckFailed extends Error {}

export function expectEqual(got: unknown, want: unknown, what: string): void {
  if (!isDeepStrictEqual(got, want)) throw new CheckFailed(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

export function expectTrue(holds: boolean, what: string): void {
  if (!holds) throw new CheckFailed(what);
}

/** The JSON of an answer with status 200. */
export function success(answer: Answer): Record<string, unknown> {
  if (answer.status !== 200) throw new CheckFailed(`status ${answer.status}: ${answer.text}`);
  return answer.json();
}

/** A refusal over prpc: status 400 and the documented code (spec/api.md section 2.1). */
export function expectPrpcRefusal(answer: Answer, code: string): void {
  expectEqual(answer.status, 400, 'status');
  expectEqual(answer.json()['code'], code, 'code');
}

/** A refusal over Connect: the Connect code, and ours in the detail. */
export function expectConnectRefusal(answer: Answer, connectCode: string, code: string): void {
  const error = answer.json();
  expectEqual(error['code'], connectCode, 'Connect code');
  const [detail] = error['details'] as { type: string; value: string }[];
  expectEqual(detail?.type, 'dstack.errors.v1.ErrorDetail', 'detail type');
  // ErrorDetail is one string, field 1 (proto/dstack/errors/v1/errors.proto).
  expectEqual(Buffer.from(detail?.value ?? '', 'base64').subarray(2).toString('utf8'), code, 'code in the detail');
}

/** Runs the checks in order, a line each, and stops at the first that fails. Returns how many held. */
export async function runChecks(checks: readonly Check[], say: (line: string) => void): Promise<number> {
  for (const { name, run } of checks) {
    try {
      await run();
    } catch (cause) {
      throw new CheckFailed(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
    say(`ok  ${name}`);
  }
  return checks.length;
}

import { Code } from '@connectrpc/connect';
import { AppraisalError } from '../errors/appraisal-error.js';
import { DstackError } from '../errors/base.js';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';
import type { EvidenceSourceCode } from '../errors/evidence-source-error.js';
import { PolicyError } from '../errors/policy-error.js';
import { ServiceError } from '../errors/service-error.js';
import type { ServiceCode } from '../errors/service-error.js';
import { VerificationError } from '../errors/verification-error.js';

/** A failed call as every door shows it. */
export interface WireError {
  readonly code: ServiceCode;
  /** For the caller; never names anything internal. */
  readonly message: string;
  readonly connectCode: Code;
  /** Status over Connect and on plain URLs; the prpc door always answers 400. */
  readonly httpStatus: number;
}

/** What a caller gets to read of an error that is none of its business. */
export const INTERNAL_ERROR_TEXT = 'internal error';

/** Longest text sent, in UTF-16 units: over gRPC it travels in a header. */
const MAX_TEXT = 2048;

const MAX_LINKS = 16;

/** The HTTP statuses are those of the Connect protocol (https://connectrpc.com/docs/protocol#error-codes). */
const WIRE: Readonly<Record<ServiceCode, { readonly connectCode: Code; readonly httpStatus: number }>> = {
  UNAUTHORIZED: { connectCode: Code.Unauthenticated, httpStatus: 401 },
  MEASUREMENT_NOT_FOUND: { connectCode: Code.PermissionDenied, httpStatus: 403 },
  KEY_NOT_FOUND: { connectCode: Code.NotFound, httpStatus: 404 },
  INTERNAL_ERROR: { connectCode: Code.Internal, httpStatus: 500 },
  INVALID_ARGUMENT: { connectCode: Code.InvalidArgument, httpStatus: 400 },
  UNSUPPORTED_PLATFORM: { connectCode: Code.FailedPrecondition, httpStatus: 400 },
  RESOURCE_EXHAUSTED: { connectCode: Code.ResourceExhausted, httpStatus: 429 },
  DEADLINE_EXCEEDED: { connectCode: Code.DeadlineExceeded, httpStatus: 504 },
  NOT_READY: { connectCode: Code.Unavailable, httpStatus: 503 },
  NOT_FOUND: { connectCode: Code.Unimplemented, httpStatus: 501 },
};

const EVIDENCE_SOURCE: Readonly<Record<EvidenceSourceCode, ServiceCode>> = {
  DEVICE_ABSENT: 'INTERNAL_ERROR',
  DEVICE_BUSY: 'RESOURCE_EXHAUSTED',
  DEVICE_FAILED: 'INTERNAL_ERROR',
  DEVICE_TIMEOUT: 'DEADLINE_EXCEEDED',
  NOT_THIS_PLATFORM: 'UNSUPPORTED_PLATFORM',
};

/**
 * What the caller sees of `error` (spec/api.md section 2.1). Decided on classes and codes alone.
 */
export function toWireError(error: unknown): WireError {
  const code = serviceCode(error);
  const message = code === null ? INTERNAL_ERROR_TEXT : visibleText(error);
  const known = code ?? 'INTERNAL_ERROR';
  return { code: known, message, ...WIRE[known] };
}

/** null: the caller learns nothing but that it failed. */
function serviceCode(error: unknown): ServiceCode | null {
  if (error instanceof ServiceError) return error.code;
  if (error instanceof AppraisalError && error.code === 'MEASUREMENT_NOT_LISTED') return 'MEASUREMENT_NOT_FOUND';
  if (error instanceof VerificationError || error instanceof AppraisalError) return 'UNAUTHORIZED';
  if (error instanceof PolicyError) return error.code === 'NOT_REGISTERED' ? 'MEASUREMENT_NOT_FOUND' : null;
  if (error instanceof EvidenceSourceError) {
    const code = EVIDENCE_SOURCE[error.code];
    return code === 'INTERNAL_ERROR' ? null : code;
  }
  return null;
}

/**
 * The chain of texts, outermost first (spec/prpc.md section 8), as far as it is made of errors that are
 * meant for the caller: what a library or the system said underneath goes to the audit record only.
 */
function visibleText(error: unknown): string {
  const parts: string[] = [];
  let at = error;
  for (let depth = 0; at instanceof DstackError && depth < MAX_LINKS && serviceCode(at) !== null; depth++) {
    parts.push(at.message);
    at = at.cause;
  }
  const text = parts.join(': ');
  // Never cut a surrogate pair in two: half of one has no UTF-8 form.
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 3).replace(/[\ud800-\udbff]$/, '')}...`;
}

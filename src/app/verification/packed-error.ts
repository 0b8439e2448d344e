import { AppraisalError } from '../../errors/appraisal-error.js';
import { DstackError } from '../../errors/base.js';
import { CollateralError } from '../../errors/collateral-error.js';
import { ServiceError } from '../../errors/service-error.js';
import { VerificationError } from '../../errors/verification-error.js';

/** An error in a form that crosses threads with its class, code, texts and causes. */
export interface PackedError {
  /** Name of a class below, or null for any other error. */
  readonly type: string | null;
  readonly code: string;
  readonly message: string;
  /** What the class knows beside its code, as far as it is plain. */
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
  readonly cause: PackedError | null;
}

type ErrorClass = new (code: never, message: string, options: { readonly cause?: unknown }) => DstackError;

const CLASSES: Readonly<Record<string, ErrorClass>> = { AppraisalError, CollateralError, ServiceError, VerificationError };
const MAX_LINKS = 16;
const OWN: ReadonlySet<string> = new Set(['code', 'name', 'message', 'stack', 'cause']);

/** At most 16 links of the chain of causes are kept. */
export function packError(error: unknown, depth = 0): PackedError {
  const cause = error instanceof Error && error.cause !== undefined && depth < MAX_LINKS ? packError(error.cause, depth + 1) : null;
  if (!(error instanceof DstackError)) return { type: null, code: '', message: error instanceof Error ? error.message : String(error), fields: {}, cause };
  const known = Object.hasOwn(CLASSES, error.name) && error.constructor === CLASSES[error.name];
  return { type: known ? error.name : null, code: error.code, message: error.message, fields: plainFields(error), cause };
}

export function unpackError({ type, code, message, fields, cause }: PackedError): Error {
  const options = cause === null ? fields : { ...fields, cause: unpackError(cause) };
  const Known = type === null || !Object.hasOwn(CLASSES, type) ? undefined : CLASSES[type];
  return Known === undefined ? new Error(message, options) : new Known(code as never, message, options);
}

function plainFields(error: DstackError): PackedError['fields'] {
  const entries = Object.entries(error as object).filter(([key, value]) => !OWN.has(key) && (value === null || ['string', 'number', 'boolean'].includes(typeof value)));
  return Object.fromEntries(entries) as PackedError['fields'];
}

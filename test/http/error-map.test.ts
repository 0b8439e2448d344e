import { Code } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { AppraisalError } from '../../src/errors/appraisal-error.js';
import { CollateralError } from '../../src/errors/collateral-error.js';
import { EvidenceSourceError } from '../../src/errors/evidence-source-error.js';
import { PolicyError } from '../../src/errors/policy-error.js';
import { ServiceError } from '../../src/errors/service-error.js';
import type { ServiceCode } from '../../src/errors/service-error.js';
import { VerificationError } from '../../src/errors/verification-error.js';
import { withContext } from '../../src/errors/with-context.js';
import { INTERNAL_ERROR_TEXT, toWireError } from '../../src/http/error-map.js';

const CODES: readonly (readonly [ServiceCode, Code, number])[] = [
  ['UNAUTHORIZED', Code.Unauthenticated, 401],
  ['MEASUREMENT_NOT_FOUND', Code.PermissionDenied, 403],
  ['KEY_NOT_FOUND', Code.NotFound, 404],
  ['INTERNAL_ERROR', Code.Internal, 500],
  ['INVALID_ARGUMENT', Code.InvalidArgument, 400],
  ['UNSUPPORTED_PLATFORM', Code.FailedPrecondition, 400],
  ['RESOURCE_EXHAUSTED', Code.ResourceExhausted, 429],
  ['DEADLINE_EXCEEDED', Code.DeadlineExceeded, 504],
  ['NOT_READY', Code.Unavailable, 503],
  ['NOT_FOUND', Code.Unimplemented, 501],
];

it.each(CODES)('%s', (code, connectCode, httpStatus) => {
  expect(toWireError(new ServiceError(code, 'as said'))).toEqual({ code, message: 'as said', connectCode, httpStatus });
});

describe('classes', () => {
  it.each([
    ['not genuine', new VerificationError('SIGNATURE_INVALID' as never, 'bad'), 'UNAUTHORIZED', 'bad'],
    ['not acceptable', new AppraisalError('DEBUG_MODE', 'debug'), 'UNAUTHORIZED', 'debug'],
    ['not on a measurement list', new AppraisalError('MEASUREMENT_NOT_LISTED', 'device'), 'MEASUREMENT_NOT_FOUND', 'device'],
    ['not listed', new PolicyError('NOT_REGISTERED', 'unknown app'), 'MEASUREMENT_NOT_FOUND', 'unknown app'],
    ['busy', new EvidenceSourceError('DEVICE_BUSY', 'busy'), 'RESOURCE_EXHAUSTED', 'busy'],
    ['slow', new EvidenceSourceError('DEVICE_TIMEOUT', 'slow'), 'DEADLINE_EXCEEDED', 'slow'],
    ['elsewhere', new EvidenceSourceError('NOT_THIS_PLATFORM', 'this is Nitro'), 'UNSUPPORTED_PLATFORM', 'this is Nitro'],
  ])('%s', (_, error, code, message) => {
    expect(toWireError(error)).toMatchObject({ code, message });
  });

  it.each([
    new PolicyError('BACKEND_UNAVAILABLE', 'http://10.0.0.1 refused'),
    new PolicyError('BACKEND_ANSWER_INVALID', 'http://10.0.0.1 said x'),
    new CollateralError('COLLATERAL_UNAVAILABLE', 'http://pccs'),
    new EvidenceSourceError('DEVICE_FAILED', '/dev/x'),
    new EvidenceSourceError('DEVICE_ABSENT', '/dev/x'),
    new Error('secret'),
    'thrown text',
    null,
  ])('%s tells the caller nothing', (error) => {
    expect(toWireError(error)).toMatchObject({ code: 'INTERNAL_ERROR', message: INTERNAL_ERROR_TEXT, httpStatus: 500 });
  });
});

describe('text', () => {
  it('is the chain, outermost first', () => {
    const denied = withContext(withContext(new PolicyError('NOT_REGISTERED', 'App not registered'), 'Boot denied'), 'App not allowed');
    expect(toWireError(denied)).toMatchObject({ code: 'MEASUREMENT_NOT_FOUND', message: 'App not allowed: Boot denied: App not registered' });
  });

  it('stops where the chain stops being meant for the caller', () => {
    const cause = new VerificationError('SIGNATURE_INVALID' as never, 'bad quote', { cause: new Error('/etc/secret') });
    expect(toWireError(new ServiceError('UNAUTHORIZED', 'no', { cause })).message).toBe('no: bad quote');
    const backend = new PolicyError('BACKEND_UNAVAILABLE', 'http://10.0.0.1');
    expect(toWireError(new ServiceError('NOT_READY', 'later', { cause: backend })).message).toBe('later');
  });

  it('is bounded, and stays well-formed', () => {
    const { message } = toWireError(new ServiceError('INVALID_ARGUMENT', '\u{1f511}'.repeat(5000)));
    expect(message.length).toBeLessThanOrEqual(2048);
    expect(Buffer.from(message).toString()).toBe(message);
  });
});

import { describe, expect, test } from 'vitest';
import { packError, unpackError } from '../../../src/app/verification/packed-error.js';
import { AppraisalError } from '../../../src/errors/appraisal-error.js';
import { messageChain } from '../../../src/errors/base.js';
import { CollateralError } from '../../../src/errors/collateral-error.js';
import { ServiceError } from '../../../src/errors/service-error.js';
import { VerificationError } from '../../../src/errors/verification-error.js';

const crossed = (error: unknown): Error => unpackError(structuredClone(packError(error)));

describe('an error that crosses threads', () => {
  test.each([
    new VerificationError('RTMR3_MISMATCH', 'a'),
    new AppraisalError('DEBUG_MODE', 'b'),
    new CollateralError('COLLATERAL_UNAVAILABLE', 'c'),
    new ServiceError('RESOURCE_EXHAUSTED', 'd'),
  ])('keeps its class, code and text: $name', (error) => {
    const other = crossed(error);
    expect(other).toBeInstanceOf(error.constructor);
    expect(other).toMatchObject({ name: error.name, code: error.code, message: error.message });
  });

  test('keeps its causes', () => {
    const error = new VerificationError('NSM_SIGNATURE_INVALID', 'outer', { cause: new VerificationError('CERTIFICATE_EXPIRED', 'inner', { cause: new TypeError('innermost') }) });
    const other = crossed(error);
    expect(messageChain(other)).toBe('outer: inner: innermost');
    expect(other.cause).toBeInstanceOf(VerificationError);
    expect(other.cause).toMatchObject({ code: 'CERTIFICATE_EXPIRED' });
  });

  test('that is nobody’s stays an error, and no class is made up', () => {
    expect(crossed(new RangeError('x'))).toEqual(new Error('x'));
    expect(crossed('text')).toEqual(new Error('text'));
    expect(unpackError({ type: 'constructor', code: 'X', message: 'm', fields: {}, cause: null }).constructor).toBe(Error);
  });

  test('of endless causes is cut', () => {
    const error = new Error('loop');
    error.cause = error;
    expect(messageChain(crossed(error)).split(': ').length).toBeLessThanOrEqual(17);
  });
});

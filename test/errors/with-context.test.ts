import { describe, expect, it } from 'vitest';
import { DerError } from '../../src/crypto/der.js';
import { AppraisalError } from '../../src/errors/appraisal-error.js';
import { messageChain } from '../../src/errors/base.js';
import { KmsClientError } from '../../src/errors/kms-client-error.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { withContext } from '../../src/errors/with-context.js';

describe('withContext', () => {
  it('keeps class and code and reads outermost first', () => {
    const inner = new AppraisalError('DEBUG_MODE', 'debug enclave');
    const outer = withContext(withContext(inner, 'Failed to verify'), 'App not allowed');
    expect(outer).toBeInstanceOf(AppraisalError);
    expect(outer).toMatchObject({ code: 'DEBUG_MODE', name: 'AppraisalError' });
    expect(messageChain(outer)).toBe('App not allowed: Failed to verify: debug enclave');
  });

  it('leaves an error alone whose class has a constructor of its own', () => {
    const error = new DerError('truncated');
    expect(withContext(error, 'context')).toBe(error);
  });

  it('keeps what a class knows beside its code', () => {
    const refused = new KmsClientError('KMS_REFUSED', 'no', { kmsCode: 'MEASUREMENT_NOT_FOUND' });
    expect(withContext(refused, 'context')).toMatchObject({ name: 'KmsClientError', code: 'KMS_REFUSED', kmsCode: 'MEASUREMENT_NOT_FOUND', message: 'context', cause: refused });
  });

  it('leaves foreign errors alone', () => {
    const error = new TypeError('x');
    expect(withContext(error, 'context')).toBe(error);
  });
});

describe('messageChain', () => {
  it('follows a bounded number of causes and renders non-errors', () => {
    const loop = new ServiceError('INTERNAL_ERROR', 'a');
    Object.defineProperty(loop, 'cause', { value: loop });
    expect(messageChain(loop).split(': ')).toHaveLength(16);
    expect(messageChain('text')).toBe('text');
  });
});

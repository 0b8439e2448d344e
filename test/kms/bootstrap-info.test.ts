import { describe, expect, it } from 'vitest';
import { bootstrapInfoJson, parseBootstrapInfo } from '../../src/kms/bootstrap-info.js';
import { vectorText } from '../app/support/recorded-kms.js';

describe('bootstrap-info.json', () => {
  const text = vectorText('kms/dir/bootstrap-info.json');

  it('is read and written as the existing KMS has it', () => {
    const info = parseBootstrapInfo(text);
    expect(info === null ? null : bootstrapInfoJson(info)).toBe(text);
  });

  it('gains the measurement that has to be registered', () => {
    // The same recorded machine as in spec/attestation.md section 5.1, run-time view.
    expect(Buffer.from(parseBootstrapInfo(text)?.measurement ?? []).toString('hex')).toBe('9218777cbf9d7539e34576d42e6b6097ba324a8ad7794452614957e8bc170535');
  });

  it.each(['', 'null', '[]', '{}', '{"ca_pubkey":"0","k256_pubkey":"","attestation":""}', '{"ca_pubkey":1,"k256_pubkey":"","attestation":""}'])('is nothing when it says %s', (bad) => {
    expect(parseBootstrapInfo(bad)).toBeNull();
  });

  it('has no measurement when its attestation is undecodable', () => {
    expect(parseBootstrapInfo('{"ca_pubkey":"00","k256_pubkey":"00","attestation":"ff"}')?.measurement).toEqual(new Uint8Array());
  });
});

import { describe, expect, it } from 'vitest';
import { BootstrapResponseSchema } from '../../gen/dstack/kms/v1/onboard_pb.js';
import { bootstrapResponse } from '../../src/handlers/bootstrap-response.js';
import { encodePrpcJson } from '../../src/http/prpc/encode-json.js';
import { bootstrapInfoJson, parseBootstrapInfo } from '../../src/kms/bootstrap-info.js';
import { vectorText } from '../app/support/recorded-kms.js';

describe('bootstrap-info.json', () => {
  const text = vectorText('kms/dir/bootstrap-info.json');

  it('is read and written as the existing KMS has it', () => {
    const info = parseBootstrapInfo(text);
    expect(info === null ? null : bootstrapInfoJson(info)).toBe(text);
  });

  it('is what Bootstrap answered; ours has the same keys, then two of its own', () => {
    expect(JSON.parse(vectorText('kms/bootstrap-answer.json'))).toEqual(JSON.parse(text));
    const info = parseBootstrapInfo(text);
    if (info === null) throw new Error('unreadable');
    const answer = JSON.parse(encodePrpcJson(BootstrapResponseSchema, bootstrapResponse(info))) as Record<string, unknown>;
    const recorded = JSON.parse(vectorText('kms/bootstrap-answer.json')) as Record<string, unknown>;
    expect(Object.keys(answer)).toEqual([...Object.keys(recorded), 'publicKey', 'measurement']);
    expect(answer).toMatchObject(recorded);
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

import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { expect, it } from 'vitest';
import { GetKeyArgsSchema, RawQuoteArgsSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { decodePrpcBinary } from '../../../src/http/prpc/decode-binary.js';
import { plain, refusal } from './message-of.js';

const NO_KEY = { path: '', purpose: '', algorithm: '', name: '' };
const decode = (hex: string) => plain(decodePrpcBinary(GetKeyArgsSchema, Buffer.from(hex, 'hex')));

it('reads proto3 bytes', () => {
  expect(decode('')).toEqual(NO_KEY);
  expect(decode('0a047465737412077369676e696e67')).toEqual({ ...NO_KEY, path: 'test', purpose: 'signing' });
  expect(decode('0a01610a0162')).toEqual({ ...NO_KEY, path: 'b' });
  expect(plain(decodePrpcBinary(RawQuoteArgsSchema, Buffer.from('0a021234', 'hex')))).toEqual({ reportData: 'hex:1234' });
});

it('drops unknown fields', () => {
  expect(decode('7a036162630a0161')).toEqual({ ...NO_KEY, path: 'a' });
});

it('ignores the body of a method without input', () => {
  expect(plain(decodePrpcBinary(EmptySchema, Uint8Array.of(0xff)))).toEqual({});
});

it.each(['0a04746573', 'ffffff', '00', '0a01ff', '0b', '0f'.repeat(4), '7b'.repeat(500)])('refuses %s', (hex) => {
  expect(refusal(() => decode(hex))).toMatch(/^failed to decode Protobuf message: /);
});

import { describe, expect, test } from 'vitest';
import { decodeQuoteResponse, encodeQuoteRequest, parseQgsPort } from '../../../src/attestation/issue/qgs-message.js';
import { EvidenceSourceError } from '../../../src/errors/evidence-source-error.js';

interface Response {
  readonly type?: number;
  readonly error?: number;
  readonly id?: number;
  readonly quote?: number;
  readonly claimed?: number;
  readonly cut?: number;
}

function response({ type = 1, error = 0, id = 0, quote = 1020, claimed = quote, cut = 0 }: Response = {}): Uint8Array {
  const head = Buffer.alloc(24);
  head.writeUInt16LE(1, 0);
  head.writeUInt32LE(type, 4);
  head.writeUInt32LE(24 + id + quote, 8);
  head.writeUInt32LE(error, 12);
  head.writeUInt32LE(id, 16);
  head.writeUInt32LE(claimed, 20);
  const message = Buffer.concat([head, Buffer.alloc(id, 0x11), Buffer.alloc(quote, 0x22)]);
  return Uint8Array.from(message.subarray(0, message.length - cut));
}

describe('the quote generation service', () => {
  test('is asked with a header of 16 bytes, the sizes and the report', () => {
    const report = new Uint8Array(1024).fill(0x5a);
    const message = Buffer.from(encodeQuoteRequest(report));
    expect(message).toHaveLength(1048);
    expect(message.subarray(0, 24).toString('hex')).toBe('010000000000000018040000000000000004000000000000');
    expect(message.subarray(24)).toEqual(Buffer.from(report));
    expect(() => encodeQuoteRequest(new Uint8Array(1023))).toThrow(TypeError);
  });

  test.each([{}, { id: 16 }, { quote: 8000 }])('answers %j with the quote behind the selected id', (shape) => {
    const quote = decodeQuoteResponse(response(shape));
    expect(quote).toHaveLength(shape.quote ?? 1020);
    expect(quote.every((byte) => byte === 0x22)).toBe(true);
  });

  test.each([{ type: 0 }, { type: 2 }, { error: 0x11001 }, { quote: 1019 }, { quote: 0 }, { claimed: 1021 }, { claimed: 0xffff_ffff }, { cut: 1 }, { cut: 1021 }])(
    'an answer of %j is refused',
    (shape) => {
      let error: unknown = null;
      try {
        decodeQuoteResponse(response(shape));
      } catch (caught) {
        error = caught;
      }
      expect(error).toBeInstanceOf(EvidenceSourceError);
      expect(error).toMatchObject({ code: 'DEVICE_FAILED' });
    },
  );

  test('a selected id beyond the answer is refused', () => {
    const message = response();
    message.set([0xff, 0xff, 0xff, 0xff], 16);
    expect(() => decodeQuoteResponse(message)).toThrow(EvidenceSourceError);
  });

  test.each([
    ['port=4050', 4050],
    ['  port   =   4050  \r\nport=1', 4050],
    ['# port=1\nport = 2', 2],
    ['port=abc\nport=3', 3],
    ['port=4294967296\nport=4294967295', 4_294_967_295],
    ['', 0],
    ['ports=1\nport 1\nxport=1', 0],
    ['port=0', 0],
  ])('%j means port %i', (config, port) => {
    expect(parseQgsPort(config)).toBe(port);
  });
});

import { describe, expect, it } from 'vitest';
import { encodePrpcErrorBinary, encodePrpcErrorJson } from '../../../src/http/prpc/encode-error.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('encodePrpcErrorJson', () => {
  it('puts the text first and the code after it', () => {
    expect(encodePrpcErrorJson('Unsupported algorithm', 'INVALID_ARGUMENT')).toBe(
      '{\n  "error": "Unsupported algorithm",\n  "code": "INVALID_ARGUMENT"\n}',
    );
  });

  it('can do without a code', () => {
    expect(encodePrpcErrorJson('Service not found: Nope', null)).toBe('{\n  "error": "Service not found: Nope"\n}');
  });

  it('is ASCII and gives the text back', () => {
    const text = 'é "😀"\n';
    const json = encodePrpcErrorJson(text, null);
    expect(Buffer.byteLength(json)).toBe(json.length);
    expect(JSON.parse(json)).toEqual({ error: text });
  });
});

describe('encodePrpcErrorBinary', () => {
  it('is a message with the text in field 1', () => {
    expect(hex(encodePrpcErrorBinary('Unsupported algorithm', null))).toBe('0a15556e737570706f7274656420616c676f726974686d');
    expect(hex(encodePrpcErrorBinary('Service not found: Nope', null))).toBe('0a1753657276696365206e6f7420666f756e643a204e6f7065');
  });

  it('has the code in field 2', () => {
    expect(hex(encodePrpcErrorBinary('x', 'NOT_READY'))).toBe('0a017812094e4f545f5245414459');
  });
});

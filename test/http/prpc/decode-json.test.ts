import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { GetKeyArgsSchema, GetTlsKeyArgsSchema, RawQuoteArgsSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { ContainerSchema, NetworkInformationSchema, SystemInfoSchema } from '../../../gen/dstack/guestagent/v1/guest_api_pb.js';
import { GetMetaResponseSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import { BootstrapResponseSchema } from '../../../gen/dstack/kms/v1/onboard_pb.js';
import { decodePrpcJson, MAX_LIST_ITEMS } from '../../../src/http/prpc/decode-json.js';
import { MAX_JSON_DEPTH } from '../../../src/http/prpc/json-parse.js';
import { plain, refusal } from './message-of.js';

const NO_KEY = { path: '', purpose: '', algorithm: '', name: '' };
const NO_TLS_KEY = {
  subject: '',
  altNames: [],
  usageRaTls: false,
  usageServerAuth: false,
  usageClientAuth: false,
  withAppInfo: false,
};

describe('what a body may be', () => {
  it.each([
    ['an empty body', '', NO_KEY],
    ['an empty object', '{}', NO_KEY],
    ['white space around', ' \t\r\n{"path":"x"}\n ', { ...NO_KEY, path: 'x' }],
    ['white space inside', '{ "path" : "x" , "purpose" : "y" }', { ...NO_KEY, path: 'x', purpose: 'y' }],
    ['unknown keys of every kind', '{"a":1.5e-3,"b":[{"c":null},[true,false]],"d":{"e":"f"},"path":"x"}', { ...NO_KEY, path: 'x' }],
    ['a repeated unknown key', '{"a":1,"a":2,"path":"x"}', { ...NO_KEY, path: 'x' }],
    ['keys written with escapes', '{"p\\u0061th":"x"}', { ...NO_KEY, path: 'x' }],
    ['every escape', '{"path":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00"}', { ...NO_KEY, path: '"\\/\b\f\n\r\tA😀' }],
    ['a null character', '{"path":"\\u0000"}', { ...NO_KEY, path: '\0' }],
    ['text beyond ASCII', '{"path":"é😀"}', { ...NO_KEY, path: 'é😀' }],
    ['fields by position', '["a","b","ed25519"]', { ...NO_KEY, path: 'a', purpose: 'b', algorithm: 'ed25519' }],
    ['some fields by position', '["a"]', { ...NO_KEY, path: 'a' }],
    ['no fields by position', '[]', NO_KEY],
    ['the alias of path', '{"name":"n"}', { ...NO_KEY, name: 'n' }],
    ['a key of the object prototype', '{"__proto__":{"path":"x"},"constructor":1}', NO_KEY],
  ])('%s', (_, body, expected) => {
    expect(plain(decodePrpcJson(GetKeyArgsSchema, body))).toEqual(expected);
    expect(plain(decodePrpcJson(GetKeyArgsSchema, Buffer.from(body)))).toEqual(expected);
  });

  it('ignores the body of a method without input', () => {
    for (const body of ['', '{}', 'null', '[]', '!!!garbage!!!']) expect(plain(decodePrpcJson(EmptySchema, body))).toEqual({});
    expect(plain(decodePrpcJson(EmptySchema, Uint8Array.of(0xff, 0xfe)))).toEqual({});
  });

  it('does not know camelCase names', () => {
    expect(plain(decodePrpcJson(RawQuoteArgsSchema, '{"reportData":"00"}'))).toEqual({ reportData: 'hex:' });
  });

  it('knows a field by its prpc name alone', () => {
    const decoded = decodePrpcJson(BootstrapResponseSchema, '{"publicKey":"02","public_key":"03","measurement":"04"}');
    expect(plain(decoded)).toMatchObject({ publicKey: 'hex:02', measurement: 'hex:04' });
  });
});

describe('refused, with the text and position the existing parser gives', () => {
  it.each([
    ['null', 'invalid type: null, expected struct GetKeyArgs at line 1 column 4'],
    ['5', 'invalid type: integer `5`, expected struct GetKeyArgs at line 1 column 1'],
    ['"x"', 'invalid type: string "x", expected struct GetKeyArgs at line 1 column 3'],
    ['true', 'invalid type: boolean `true`, expected struct GetKeyArgs at line 1 column 4'],
    ['1.0', 'invalid type: floating point `1.0`, expected struct GetKeyArgs at line 1 column 3'],
    ['{"path":null}', 'invalid type: null, expected a string at line 1 column 12'],
    ['{"path":true}', 'invalid type: boolean `true`, expected a string at line 1 column 12'],
    ['{"path":{"a":1}}', 'invalid type: map, expected a string at line 1 column 8'],
    ['{"path":["a"]}', 'invalid type: sequence, expected a string at line 1 column 8'],
    ['{"path":-1.5}', 'invalid type: floating point `-1.5`, expected a string at line 1 column 12'],
    ['{"path":"a"', 'EOF while parsing an object at line 1 column 11'],
    ['{', 'EOF while parsing an object at line 1 column 1'],
    ['{"path"', 'EOF while parsing an object at line 1 column 7'],
    ['{"path":', 'EOF while parsing a value at line 1 column 8'],
    ['{"path":"a', 'EOF while parsing a string at line 1 column 10'],
    ['{"path":"a\\', 'EOF while parsing a string at line 1 column 11'],
    ['[', 'EOF while parsing a list at line 1 column 1'],
    ['   ', 'EOF while parsing a value at line 1 column 3'],
    ['{path:"a"}', 'key must be a string at line 1 column 2'],
    ['{"path" "a"}', 'expected `:` at line 1 column 9'],
    ['{"path":"a" "b"}', 'expected `,` or `}` at line 1 column 13'],
    ['["a" "b"]', 'expected `,` or `]` at line 1 column 6'],
    ['{"path":"a",}', 'trailing comma at line 1 column 13'],
    ['["a",]', 'trailing comma at line 1 column 6'],
    ['["a","b","c","d"]', 'trailing characters at line 1 column 14'],
    ['{} x', 'trailing characters at line 1 column 4'],
    ['{}{}', 'trailing characters at line 1 column 3'],
    ['\ufeff{"path":"a"}', 'expected value at line 1 column 1'],
    ['{"path":\'a\'}', 'expected value at line 1 column 9'],
    ['[1]', 'invalid type: integer `1`, expected a string at line 1 column 2'],
    ['{"path":"a","path":"b"}', 'duplicate field `path` at line 1 column 18'],
    ['{\n"path":"a",\n"path":"b"}', 'duplicate field `path` at line 3 column 6'],
    ['{"é":1,"path":1}', 'invalid type: integer `1`, expected a string at line 1 column 16'],
    ['{"x":nul}', 'expected ident at line 1 column 9'],
    ['{"x":01}', 'invalid number at line 1 column 7'],
    ['{"x":1.}', 'invalid number at line 1 column 7'],
  ])('%s', (body, text) => {
    expect(refusal(() => decodePrpcJson(GetKeyArgsSchema, body))).toBe(text);
  });

  it.each([
    ['a lone leading surrogate', '{"path":"\\ud800"}'],
    ['a lone trailing surrogate', '{"path":"\\udc00"}'],
    ['two leading surrogates', '{"path":"\\ud800\\ud800"}'],
    ['a broken escape', '{"path":"\\x"}'],
    ['a broken unicode escape', '{"path":"\\u00g0"}'],
    ['a short unicode escape', '{"path":"\\u00"}'],
    ['a raw control character', '{"path":"\n"}'],
    ['a lone minus', '{"x":-}'],
    ['an empty exponent', '{"x":1e}'],
    ['a leading plus', '{"x":+1}'],
    ['a comment', '{/**/}'],
    ['NaN', '{"x":NaN}'],
    ['a word cut short', '{"x":tru'],
    ['a word gone on', '{"x":nulll}'],
  ])('%s', (_, body) => {
    expect(refusal(() => decodePrpcJson(GetKeyArgsSchema, body))).not.toBe('');
  });

  it('a body that is not UTF-8', () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xc3]]) {
      const body = Buffer.concat([Buffer.from('{"path":"'), Buffer.from(bytes), Buffer.from('"}')]);
      refusal(() => decodePrpcJson(GetKeyArgsSchema, body));
    }
  });

  it('containers deeper than the limit, wanted or not', () => {
    const nested = (depth: number) => `{"x":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
    expect(plain(decodePrpcJson(GetKeyArgsSchema, nested(MAX_JSON_DEPTH)))).toEqual(NO_KEY);
    refusal(() => decodePrpcJson(GetKeyArgsSchema, nested(MAX_JSON_DEPTH + 1)));
    refusal(() => decodePrpcJson(GetKeyArgsSchema, '['.repeat(1_000_000)));
    refusal(() => decodePrpcJson(GetKeyArgsSchema, '{"x":'.repeat(1_000_000)));
  });

  it('a list with more items than the limit', () => {
    const list = (count: number) => `{"alt_names":[${Array.from({ length: count }, () => '""').join(',')}]}`;
    expect(decodePrpcJson(GetTlsKeyArgsSchema, list(MAX_LIST_ITEMS)).altNames.length).toBe(MAX_LIST_ITEMS);
    refusal(() => decodePrpcJson(GetTlsKeyArgsSchema, list(MAX_LIST_ITEMS + 1)));
  });

  it('repeats no more than a little of an unsuitable text', () => {
    const text = refusal(() => decodePrpcJson(GetTlsKeyArgsSchema, `{"not_after":"${'😀'.repeat(1000)}"}`));
    expect(text.length).toBeLessThan(200);
    expect(text).not.toMatch(/\\ud/);
  });
});

describe('bytes', () => {
  it.each([
    ['', ''],
    ['0x', ''],
    ['1234DEADbeef', '1234deadbeef'],
    ['0x1234deadbeef', '1234deadbeef'],
    ['0x0xab', 'ab'],
    ['0x0x', ''],
    ['0x00', '00'],
  ])('%j', (text, hex) => {
    expect(plain(decodePrpcJson(RawQuoteArgsSchema, JSON.stringify({ report_data: text })))).toEqual({ reportData: `hex:${hex}` });
  });

  it.each([
    ['{"report_data":"0x123"}', 'Odd number of digits at line 1 column 23'],
    ['{"report_data":"0Xab"}', "Invalid character 'X' at position 1 at line 1 column 22"],
    ['{"report_data": "0Xab"}', "Invalid character 'X' at position 1 at line 1 column 23"],
    ['{"report_data": "zz"}', "Invalid character 'z' at position 0 at line 1 column 21"],
    ['{"report_data":"zz","x":1}', "Invalid character 'z' at position 0 at line 1 column 19"],
    ['{"report_data": " ab"}', 'Odd number of digits at line 1 column 22'],
    ['{"report_data": "q83v"}', "Invalid character 'q' at position 0 at line 1 column 23"],
    ['{"report_data":"0x12g4"}', "Invalid character 'g' at position 2 at line 1 column 24"],
    ['["zz"]', "Invalid character 'z' at position 0 at line 1 column 6"],
  ])('%s', (body, text) => {
    expect(refusal(() => decodePrpcJson(RawQuoteArgsSchema, body))).toBe(text);
  });

  it('takes no look-alike of a digit', () => {
    // U+0130 and U+FF11 have the low bytes of '0' and of a control character.
    for (const text of ['\u0130\u0130', '\uff11\uff11', '\u0661\u0661']) {
      refusal(() => decodePrpcJson(RawQuoteArgsSchema, JSON.stringify({ report_data: text })));
    }
  });
});

describe('numbers, booleans, lists', () => {
  it('keeps 64-bit integers exact', () => {
    const body = '{"not_before":9007199254740993,"not_after":18446744073709551615}';
    expect(plain(decodePrpcJson(GetTlsKeyArgsSchema, body))).toEqual({
      ...NO_TLS_KEY,
      notBefore: 9007199254740993n,
      notAfter: 18446744073709551615n,
    });
    expect(decodePrpcJson(ContainerSchema, '{"created":-9223372036854775808}').created).toBe(-9223372036854775808n);
    expect(decodePrpcJson(SystemInfoSchema, '{"num_cpus":4294967295}').numCpus).toBe(4294967295);
  });

  it('takes null for what can be unset, and only once', () => {
    expect(plain(decodePrpcJson(GetTlsKeyArgsSchema, '{"not_before":null,"not_after":null}'))).toEqual(NO_TLS_KEY);
    expect(decodePrpcJson(GetMetaResponseSchema, '{"bootstrap_info":null,"chain_id":null}').bootstrapInfo).toBeUndefined();
    refusal(() => decodePrpcJson(GetTlsKeyArgsSchema, '{"not_before":null,"not_before":1}'));
  });

  it('tells an optional zero from an absent one', () => {
    expect(decodePrpcJson(GetTlsKeyArgsSchema, '{"not_before":0}').notBefore).toBe(0n);
    expect(decodePrpcJson(GetTlsKeyArgsSchema, '{}').notBefore).toBeUndefined();
  });

  it('reads messages inside messages, as objects or by position', () => {
    const body = '{"gateways":[{"address":"10.0.0.1"},["10.0.0.2"]],"interfaces":[{"addresses":[{"address":"::1","prefix":128}]}]}';
    const decoded = decodePrpcJson(NetworkInformationSchema, body);
    expect(decoded.gateways.map((gateway) => gateway.address)).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(decoded.interfaces[0]?.addresses[0]?.prefix).toBe(128);
  });

  it.each([
    ['{"subject":null}', 'invalid type: null, expected a string at line 1 column 15'],
    ['{"alt_names":null}', 'invalid type: null, expected a sequence at line 1 column 17'],
    ['{"alt_names":"a"}', 'invalid type: string "a", expected a sequence at line 1 column 16'],
    ['{"alt_names":[1]}', 'invalid type: integer `1`, expected a string at line 1 column 15'],
    ['{"alt_names":[null]}', 'invalid type: null, expected a string at line 1 column 18'],
    ['{"not_before":"1"}', 'invalid type: string "1", expected u64 at line 1 column 17'],
    ['{"not_before":1.0}', 'invalid type: floating point `1.0`, expected u64 at line 1 column 17'],
    ['{"not_before":1e3}', 'invalid type: floating point `1000.0`, expected u64 at line 1 column 17'],
    ['{"not_before":-0}', 'invalid type: floating point `-0.0`, expected u64 at line 1 column 16'],
    ['{"not_after":-1}', 'invalid value: integer `-1`, expected u64 at line 1 column 15'],
    ['{"not_after":18446744073709551616}', 'invalid type: floating point `1.8446744073709552e+19`, expected u64 at line 1 column 33'],
    ['{"usage_server_auth":"true"}', 'invalid type: string "true", expected a boolean at line 1 column 27'],
    ['{"usage_server_auth":1}', 'invalid type: integer `1`, expected a boolean at line 1 column 22'],
    ['{"usage_server_auth":null}', 'invalid type: null, expected a boolean at line 1 column 25'],
  ])('%s', (body, text) => {
    expect(refusal(() => decodePrpcJson(GetTlsKeyArgsSchema, body))).toBe(text);
  });

  it('refuses 32-bit and signed integers out of range', () => {
    const text = refusal(() => decodePrpcJson(SystemInfoSchema, '{"num_cpus":4294967296}'));
    expect(text).toBe('invalid value: integer `4294967296`, expected u32 at line 1 column 22');
    refusal(() => decodePrpcJson(ContainerSchema, '{"created":9223372036854775808}'));
    refusal(() => decodePrpcJson(ContainerSchema, '{"created":-9223372036854775809}'));
  });

  it('never converts an integer of a million digits', () => {
    const started = performance.now();
    refusal(() => decodePrpcJson(GetTlsKeyArgsSchema, `{"not_after":${'9'.repeat(1_000_000)}}`));
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

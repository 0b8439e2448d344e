import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { GetKeyArgsSchema, GetTlsKeyArgsSchema, RawQuoteArgsSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { ContainerSchema, NetworkInformationSchema, SystemInfoSchema } from '../../../gen/dstack/guestagent/v1/guest_api_pb.js';
import { GetMetaResponseSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import { decodePrpcQuery } from '../../../src/http/prpc/decode-query.js';
import { MAX_QUERY_FIELDS } from '../../../src/http/prpc/query-tree.js';
import { plain, refusal } from './message-of.js';

const NO_KEY = { path: '', purpose: '', algorithm: '', name: '' };

describe('text', () => {
  it.each([
    [null, NO_KEY],
    ['', NO_KEY],
    ['path=a&purpose=b', { ...NO_KEY, path: 'a', purpose: 'b' }],
    ['&path=a&&', { ...NO_KEY, path: 'a' }],
    ['path=', NO_KEY],
    ['path', NO_KEY],
    ['path=a=b', { ...NO_KEY, path: 'a=b' }],
    ['path=%C3%A9', { ...NO_KEY, path: 'é' }],
    ['path=a+b%2Bc', { ...NO_KEY, path: 'a b+c' }],
    ['path=%00', { ...NO_KEY, path: '\0' }],
    ['path=100%', { ...NO_KEY, path: '100%' }],
    ['path=%zz%4', { ...NO_KEY, path: '%zz%4' }],
    ['path=%26%3D%5B', { ...NO_KEY, path: '&=[' }],
    ['p%61th=a', { ...NO_KEY, path: 'a' }],
    ['path=a&json', { ...NO_KEY, path: 'a' }],
    ['path=a&json=1&unknown=2', { ...NO_KEY, path: 'a' }],
    ['path=a#frag', { ...NO_KEY, path: 'a' }],
    ['[path]=a', NO_KEY],
    ['__proto__=a&constructor[x]=b', NO_KEY],
    ['reportData=a', NO_KEY],
  ])('%s', (query, expected) => {
    expect(plain(decodePrpcQuery(GetKeyArgsSchema, query))).toEqual(expected);
  });

  it.each([
    ['x=1&x=2', 'Multiple values for one key: "x"'],
    ['json&json=1', 'Multiple values for one key: "json"'],
    ['path=a&p%61th=b', 'Multiple values for one key: "path"'],
    ['path[]=a', 'invalid type: sequence, expected a string'],
    ['path[x]=a', 'invalid type: map, expected a string'],
  ])('%s', (query, text) => {
    expect(refusal(() => decodePrpcQuery(GetKeyArgsSchema, query))).toBe(text);
  });

  it.each(['path=%ff', '%ff=a', 'path=%C3', 'a[b=c', 'a[b]c=d', 'a[b]]=d', 'a=1&a[]=2', 'a[]=1&a=2', 'a[x]=1&a=2', 'a[0]=1&a[x]=2'])(
    'refuses %s',
    (query) => {
      refusal(() => decodePrpcQuery(GetKeyArgsSchema, query));
    },
  );

  it('ignores the query of a method without input', () => {
    expect(plain(decodePrpcQuery(EmptySchema, 'x=1&x=2&%ff'))).toEqual({});
  });

  it('bounds the number of fields', () => {
    const query = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=`).join('&');
    expect(plain(decodePrpcQuery(GetKeyArgsSchema, query(MAX_QUERY_FIELDS)))).toEqual(NO_KEY);
    refusal(() => decodePrpcQuery(GetKeyArgsSchema, query(MAX_QUERY_FIELDS + 1)));
  });
});

describe('bytes', () => {
  it.each([
    ['report_data=0x1234DEADbeef', '1234deadbeef'],
    ['report_data=0x0xab', 'ab'],
    ['report_data=', ''],
    ['report_data', ''],
  ])('%s', (query, hex) => {
    expect(plain(decodePrpcQuery(RawQuoteArgsSchema, query))).toEqual({ reportData: `hex:${hex}` });
  });

  it.each([
    ['report_data=zz', "Invalid character 'z' at position 0"],
    ['report_data=0x123', 'Odd number of digits'],
    ['report_data=0Xab', "Invalid character 'X' at position 1"],
  ])('%s', (query, text) => {
    expect(refusal(() => decodePrpcQuery(RawQuoteArgsSchema, query))).toBe(text);
  });
});

describe('booleans, numbers, lists, messages', () => {
  it('reads a certificate request', () => {
    const query = 'subject=a&alt_names[]=x&alt_names[]=y&usage_server_auth=true&usage_ra_tls=false&not_before=12';
    expect(plain(decodePrpcQuery(GetTlsKeyArgsSchema, query))).toEqual({
      subject: 'a',
      altNames: ['x', 'y'],
      usageRaTls: false,
      usageServerAuth: true,
      usageClientAuth: false,
      notBefore: 12n,
      withAppInfo: false,
    });
  });

  it.each([
    ['alt_names[0]=a&alt_names[1]=b', ['a', 'b']],
    ['alt_names[1]=b&alt_names[0]=a', ['a', 'b']],
    ['alt_names[7]=b&alt_names[3]=a', ['a', 'b']],
    ['alt_names[]=a&alt_names[]=b', ['a', 'b']],
    // Encoded brackets are part of a name nobody knows.
    ['alt_names%5B0%5D=example.com', []],
  ])('%s', (query, names) => {
    expect(decodePrpcQuery(GetTlsKeyArgsSchema, query).altNames).toEqual(names);
  });

  it.each([
    ['not_before=', undefined],
    ['not_before', undefined],
    ['not_before=0', 0n],
    ['not_before=007', 7n],
    ['not_before=%2B7', 7n],
    ['not_before=18446744073709551615', 18446744073709551615n],
    [`not_before=${'0'.repeat(100)}1`, 1n],
  ])('%s', (query, value) => {
    expect(decodePrpcQuery(GetTlsKeyArgsSchema, query).notBefore).toBe(value);
  });

  it.each([
    ['usage_server_auth=1', 'provided string was not `true` or `false`'],
    ['usage_server_auth=', 'provided string was not `true` or `false`'],
    ['usage_server_auth=True', 'provided string was not `true` or `false`'],
    ['alt_names=x', 'invalid type: string "x", expected a sequence'],
    ['alt_names=', 'invalid type: string "", expected a sequence'],
    ['alt_names[x]=y', 'invalid type: map, expected a sequence'],
    ['alt_names[0]=a&alt_names[0]=b', 'Multiple values for one key: "alt_names[0]"'],
    ['not_before=x', 'invalid digit found in string'],
    ['not_before=-1', 'invalid digit found in string'],
    ['not_before=1.0', 'invalid digit found in string'],
    ['not_before=+7', 'invalid digit found in string'],
    ['not_before=18446744073709551616', 'number too large to fit in target type'],
    [`not_before=${'9'.repeat(50_000)}`, 'number too large to fit in target type'],
    [`not_before=${'0'.repeat(50_000)}x`, 'invalid digit found in string'],
  ])('%s', (query, text) => {
    expect(refusal(() => decodePrpcQuery(GetTlsKeyArgsSchema, query))).toBe(text);
  });

  it('reads integers of every width', () => {
    expect(decodePrpcQuery(SystemInfoSchema, 'num_cpus=4294967295').numCpus).toBe(4294967295);
    expect(decodePrpcQuery(ContainerSchema, 'created=-9223372036854775808').created).toBe(-9223372036854775808n);
    expect(refusal(() => decodePrpcQuery(SystemInfoSchema, 'num_cpus=4294967296'))).toBe('number too large to fit in target type');
    expect(refusal(() => decodePrpcQuery(SystemInfoSchema, 'num_cpus='))).toBe('cannot parse integer from empty string');
    expect(refusal(() => decodePrpcQuery(ContainerSchema, 'created=-9223372036854775809'))).toBe('number too small to fit in target type');
  });

  it('reads messages inside messages', () => {
    expect(decodePrpcQuery(GetMetaResponseSchema, 'bootstrap_info[ca_pubkey]=0xab').bootstrapInfo?.caPubkey).toEqual(Uint8Array.of(0xab));
    expect(decodePrpcQuery(GetMetaResponseSchema, 'bootstrap_info=').bootstrapInfo).toBeUndefined();
    const network = decodePrpcQuery(NetworkInformationSchema, 'interfaces[0][addresses][0][prefix]=64&interfaces[0][name]=eth0');
    expect(network.interfaces[0]).toMatchObject({ name: 'eth0', addresses: [{ prefix: 64 }] });
    refusal(() => decodePrpcQuery(GetMetaResponseSchema, 'bootstrap_info=x'));
  });
});

import type { DescMessage } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { EmptySchema, StructSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import {
  AppInfoSchema,
  GetKeyResponseSchema,
  GetQuoteResponseSchema,
  GetTlsKeyArgsSchema,
  GetTlsKeyResponseSchema,
  VerifyResponseSchema,
  WorkerVersionSchema,
} from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { ContainerSchema, NetworkInformationSchema, SystemInfoSchema } from '../../../gen/dstack/guestagent/v1/guest_api_pb.js';
import { GetMetaResponseSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import { AttestationInfoResponseSchema, BootstrapResponseSchema } from '../../../gen/dstack/kms/v1/onboard_pb.js';
import { HealthCheckResponseSchema } from '../../../gen/grpc/health/v1/health_pb.js';
import { encodePrpcJson } from '../../../src/http/prpc/encode-json.js';
import { assertPrpcShape } from '../../../src/http/prpc/field-shape.js';

describe('every field is present, in declaration order', () => {
  it.each<[DescMessage, string]>([
    [EmptySchema, 'null'],
    [VerifyResponseSchema, '{"valid":false}'],
    [GetKeyResponseSchema, '{"key":"","signature_chain":[]}'],
    [GetQuoteResponseSchema, '{"quote":"","event_log":"","report_data":"","vm_config":""}'],
    [
      GetTlsKeyArgsSchema,
      '{"subject":"","alt_names":[],"usage_ra_tls":false,"usage_server_auth":false,"usage_client_auth":false,"not_before":null,"not_after":null,"with_app_info":false}',
    ],
    [
      AppInfoSchema,
      '{"app_id":"","instance_id":"","app_cert":"","tcb_info":"","app_name":"","device_id":"","mr_aggregated":"","os_image_hash":"","key_provider_info":"","compose_hash":"","vm_config":"","cloud_vendor":"","cloud_product":""}',
    ],
    [BootstrapResponseSchema, '{"ca_pubkey":"","k256_pubkey":"","attestation":"","publicKey":"","measurement":""}'],
    [
      GetMetaResponseSchema,
      '{"ca_cert":"","allow_any_upgrade":false,"k256_pubkey":"","bootstrap_info":null,"is_dev":false,"gateway_app_id":null,"kms_contract_address":null,"chain_id":null,"app_auth_implementation":null}',
    ],
    [
      AttestationInfoResponseSchema,
      '{"device_id":"","mr_aggregated":"","os_image_hash":"","tee_variant":"","site_name":"","eth_rpc_url":"","kms_contract_address":"","ppid":"","attestation_mode":""}',
    ],
    [ContainerSchema, '{"id":"","names":[],"image":"","image_id":"","created":0,"state":"","status":""}'],
  ])('$name', (desc, json) => {
    expect(encodePrpcJson(desc, create(desc))).toBe(json);
    expect(encodePrpcJson(desc, {})).toBe(json);
  });
});

describe('values', () => {
  it('writes bytes as lower-case hex, of views too', () => {
    const view = new Uint8Array([0, 0xab, 0xcd, 0xff, 0]).subarray(1, 4);
    expect(encodePrpcJson(GetKeyResponseSchema, { key: view, signatureChain: [new Uint8Array(0), Uint8Array.of(1)] })).toBe(
      '{"key":"abcdff","signature_chain":["","01"]}',
    );
  });

  it('writes the attestation only where there is one', () => {
    const json = encodePrpcJson(GetQuoteResponseSchema, { vmConfig: '{}', attestation: Uint8Array.of(0x83) });
    expect(json).toBe('{"quote":"","event_log":"","report_data":"","vm_config":"{}","attestation":"83"}');
  });

  it('writes 64-bit integers exactly', () => {
    expect(encodePrpcJson(GetMetaResponseSchema, { chainId: 18446744073709551615n })).toContain('"chain_id":18446744073709551615,');
    expect(encodePrpcJson(ContainerSchema, { created: -9223372036854775808n })).toContain('"created":-9223372036854775808,');
    expect(encodePrpcJson(SystemInfoSchema, { totalMemory: 9007199254740993n })).toContain('"total_memory":9007199254740993,');
  });

  it('tells an optional default from an absent value', () => {
    expect(encodePrpcJson(GetMetaResponseSchema, { gatewayAppId: '', chainId: 0n })).toContain(
      '"gateway_app_id":"","kms_contract_address":null,"chain_id":0,',
    );
  });

  it('writes messages inside messages', () => {
    const json = encodePrpcJson(NetworkInformationSchema, {
      dnsServers: ['1.1.1.1'],
      gateways: [{ address: '10.0.0.1' }],
      interfaces: [{ name: 'eth0', addresses: [{ address: '10.0.0.2', prefix: 24 }], rxBytes: 5n }],
    });
    expect(json).toBe(
      '{"dns_servers":["1.1.1.1"],"gateways":[{"address":"10.0.0.1"}],"interfaces":[{"name":"eth0","addresses":[{"address":"10.0.0.2","prefix":24}],"rx_bytes":5,"tx_bytes":0,"rx_errors":0,"tx_errors":0}],"wg_info":""}',
    );
  });

  it('escapes what has to be escaped and everything beyond ASCII', () => {
    const json = encodePrpcJson(WorkerVersionSchema, { version: '"\\/\b\n\u0001\u007f', rev: 'é€😀' });
    expect(json).toBe('{"version":"\\"\\\\/\\b\\n\\u0001\u007f","rev":"\\u00e9\\u20ac\\ud83d\\ude00"}');
    expect(JSON.parse(json)).toEqual({ version: '"\\/\b\n\u0001\u007f', rev: 'é€😀' });
    expect(Buffer.byteLength(json)).toBe(json.length);
  });

  it('writes PEM with escaped line feeds', () => {
    expect(encodePrpcJson(GetTlsKeyResponseSchema, { key: 'a\nb\n', certificateChain: ['c\n'] })).toBe(
      '{"key":"a\\nb\\n","certificate_chain":["c\\n"]}',
    );
  });
});

describe('mistakes of our own', () => {
  it.each<[string, DescMessage, unknown]>([
    ['text for bytes', GetKeyResponseSchema, { key: 'abcd' }],
    ['bytes for text', WorkerVersionSchema, { version: Uint8Array.of(1) }],
    ['a number for a 64-bit integer', GetMetaResponseSchema, { chainId: 1 }],
    ['a fraction', SystemInfoSchema, { numCpus: 1.5 }],
    ['NaN', SystemInfoSchema, { numCpus: Number.NaN }],
    ['text for a boolean', VerifyResponseSchema, { valid: 'true' }],
  ])('%s', (_, desc, message) => {
    expect(() => encodePrpcJson(desc, message as Record<string, never>)).toThrow(TypeError);
  });

  it.each<[DescMessage, unknown]>([
    [SystemInfoSchema, { numCpus: -1 }],
    [SystemInfoSchema, { numCpus: 2 ** 32 }],
    [SystemInfoSchema, { uptime: -1n }],
    [GetMetaResponseSchema, { chainId: 2n ** 64n }],
  ])('$typeName out of range', (desc, message) => {
    expect(() => encodePrpcJson(desc, message as Record<string, never>)).toThrow(RangeError);
  });

  it('a message type the dialect cannot carry', () => {
    expect(() => assertPrpcShape(HealthCheckResponseSchema)).toThrow(TypeError);
    expect(() => assertPrpcShape(StructSchema)).toThrow(TypeError);
    expect(() => assertPrpcShape(GetMetaResponseSchema)).not.toThrow();
  });
});

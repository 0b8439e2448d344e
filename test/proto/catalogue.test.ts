import type { DescField, DescMessage, DescService } from '@bufbuild/protobuf';
import { getOption, ScalarType } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { file_dstack_guestagent_v1_guest_agent, GuestAgent } from '../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { file_dstack_guestagent_v1_guest_api, GuestApi } from '../../gen/dstack/guestagent/v1/guest_api_pb.js';
import { file_dstack_guestagent_v1_tappd, Tappd } from '../../gen/dstack/guestagent/v1/tappd_pb.js';
import { file_dstack_guestagent_v1_worker, Worker } from '../../gen/dstack/guestagent/v1/worker_pb.js';
import { Admin, file_dstack_kms_v1_admin } from '../../gen/dstack/kms/v1/admin_pb.js';
import { file_dstack_kms_v1_kms, KMS } from '../../gen/dstack/kms/v1/kms_pb.js';
import { file_dstack_kms_v1_onboard, Onboard } from '../../gen/dstack/kms/v1/onboard_pb.js';
import { omit_empty, prpc_name } from '../../gen/dstack/options/v1/options_pb.js';

// The names, types, numbers and order that clients in the field rely on (spec/prpc.md section 12). The order
// is that of JSON keys, which no rule of buf protects.
const MESSAGES: Readonly<Record<string, string>> = {
  GetTlsKeyArgs:
    'subject string 1; alt_names r string 2; usage_ra_tls bool 3; usage_server_auth bool 4; usage_client_auth bool 5; not_before o uint64 6; not_after o uint64 7; with_app_info bool 8',
  GetTlsKeyResponse: 'key string 1; certificate_chain r string 2',
  GetKeyArgs: 'path string 1; purpose string 2; algorithm string 3; name string 1000',
  'guestagent.GetKeyResponse': 'key bytes 1; signature_chain r bytes 2',
  RawQuoteArgs: 'report_data bytes 1',
  GetQuoteResponse: 'quote bytes 1; event_log string 2; report_data bytes 3; vm_config string 4; attestation bytes 5 omit_empty',
  GetAttestationRequest: 'user_data bytes 1; nonce bytes 2; public_key bytes 3',
  GetAttestationResponse: 'document bytes 1',
  AttestResponse: 'attestation bytes 1',
  GpuInfoResponse: 'attestation string 1',
  EmitEventArgs: 'event string 1; payload bytes 2',
  AppInfo:
    'app_id bytes 1; instance_id bytes 2; app_cert string 3; tcb_info string 4; app_name string 5; device_id bytes 8; mr_aggregated bytes 9; os_image_hash bytes 10; key_provider_info string 12; compose_hash bytes 13; vm_config string 14; cloud_vendor string 15; cloud_product string 16',
  SignRequest: 'algorithm string 1; data bytes 2',
  SignResponse: 'signature bytes 1; signature_chain r bytes 2; public_key bytes 3',
  VerifyRequest: 'algorithm string 1; data bytes 2; signature bytes 3; public_key bytes 4',
  VerifyResponse: 'valid bool 1',
  WorkerVersion: 'version string 1; rev string 2',
  DeriveKeyArgs:
    'path string 1; subject string 2; alt_names r string 3; usage_ra_tls bool 4; usage_server_auth bool 5; usage_client_auth bool 6; random_seed bool 7',
  DeriveK256KeyResponse: 'k256_key bytes 1; k256_signature_chain r bytes 2',
  TdxQuoteArgs: 'report_data bytes 1; hash_algorithm string 2; prefix string 3',
  TdxQuoteResponse: 'quote bytes 1; event_log string 2; hash_algorithm string 3; prefix string 4',
  GetAttestationForAppKeyRequest: 'algorithm string 1',
  GuestInfo: 'version string 1; app_id bytes 2; instance_id bytes 3; app_cert string 4; tcb_info string 5; device_id bytes 6',
  SystemInfo:
    'os_name string 1; os_version string 2; kernel_version string 3; cpu_model string 4; num_cpus uint32 5; total_memory uint64 6; available_memory uint64 7; used_memory uint64 8; free_memory uint64 9; total_swap uint64 10; used_swap uint64 11; free_swap uint64 12; uptime uint64 13; loadavg_one uint32 14; loadavg_five uint32 15; loadavg_fifteen uint32 16; disks r DiskInfo 17',
  DiskInfo: 'name string 1; mount_point string 2; total_size uint64 3; free_size uint64 5',
  NetworkInformation: 'dns_servers r string 1; gateways r Gateway 2; interfaces r Interface 3; wg_info string 4',
  Gateway: 'address string 1',
  Interface:
    'name string 1; addresses r IpAddress 2; rx_bytes uint64 3; tx_bytes uint64 4; rx_errors uint64 5; tx_errors uint64 6',
  IpAddress: 'address string 1; prefix uint32 2',
  ListContainersResponse: 'containers r Container 1',
  Container: 'id string 1; names r string 2; image string 3; image_id string 4; created int64 6; state string 7; status string 8',
  GetKeyRequest: 'name string 1',
  'kms.GetKeyResponse': 'key bytes 1',
  GetAppKeyRequest: 'api_version uint32 1; vm_config string 2',
  AppKeyResponse:
    'ca_cert string 1; disk_crypt_key bytes 2; env_crypt_key bytes 3; k256_key bytes 4; k256_signature bytes 5; tproxy_app_id string 6; gateway_app_id string 7; os_image_hash bytes 8',
  GetKmsKeyRequest: 'vm_config string 1',
  KmsKeyResponse: 'temp_ca_key string 1; keys r KmsKeys 2',
  KmsKeys: 'ca_key string 1; k256_key bytes 2',
  AppId: 'app_id bytes 1',
  PublicKeyResponse: 'public_key bytes 1; signature bytes 2; timestamp uint64 3; signature_v1 bytes 4',
  GetMetaResponse:
    'ca_cert string 1; allow_any_upgrade bool 2; k256_pubkey bytes 3; bootstrap_info BootstrapResponse 4; is_dev bool 5; gateway_app_id o string 6; kms_contract_address o string 7; chain_id o uint64 8; app_auth_implementation o string 9',
  GetTempCaCertResponse: 'temp_ca_cert string 1; temp_ca_key string 2; ca_cert string 3',
  SignCertRequest: 'api_version uint32 1; csr bytes 2; signature bytes 3; vm_config string 4',
  SignCertResponse: 'certificate_chain r string 1',
  GetSessionEvidenceRequest: 'nonce bytes 1',
  SessionEvidence: 'attestation bytes 1',
  SessionChallenge: 'nonce bytes 1',
  BindSessionRequest: 'attestation bytes 1',
  BindSessionResponse: 'seconds uint32 1',
  BootstrapRequest: 'domain string 1',
  BootstrapResponse: 'ca_pubkey bytes 1; k256_pubkey bytes 2; attestation bytes 3; public_key bytes 1000 publicKey; measurement bytes 1001',
  OnboardRequest: 'source_url string 1; domain string 2',
  OnboardResponse: 'k256_pubkey bytes 1',
  AttestationInfoResponse:
    'device_id bytes 1; mr_aggregated bytes 2; os_image_hash bytes 3; tee_variant string 4; site_name string 5; eth_rpc_url string 6; kms_contract_address string 7; ppid bytes 8; attestation_mode string 1000',
  ClearImageCacheRequest: 'image_hash string 1; config_hash string 2',
};

const SERVICES: readonly (readonly [DescService, string])[] = [
  [
    GuestAgent,
    'GetTlsKey(GetTlsKeyArgs) GetTlsKeyResponse; GetKey(GetKeyArgs) GetKeyResponse; GetQuote(RawQuoteArgs) GetQuoteResponse; GetAttestation(GetAttestationRequest) GetAttestationResponse; Attest(RawQuoteArgs) AttestResponse; Info(Empty) AppInfo; GpuInfo(Empty) GpuInfoResponse; EmitEvent(EmitEventArgs) Empty; Sign(SignRequest) SignResponse; Verify(VerifyRequest) VerifyResponse; Version(Empty) WorkerVersion',
  ],
  [
    Tappd,
    'DeriveKey(DeriveKeyArgs) GetTlsKeyResponse; DeriveK256Key(GetKeyArgs) DeriveK256KeyResponse; TdxQuote(TdxQuoteArgs) TdxQuoteResponse; RawQuote(RawQuoteArgs) TdxQuoteResponse; Info(Empty) AppInfo; Version(Empty) WorkerVersion',
  ],
  [Worker, 'Info(Empty) AppInfo; Version(Empty) WorkerVersion; GetAttestationForAppKey(GetAttestationForAppKeyRequest) GetQuoteResponse'],
  [
    GuestApi,
    'Info(Empty) GuestInfo; SysInfo(Empty) SystemInfo; NetworkInfo(Empty) NetworkInformation; ListContainers(Empty) ListContainersResponse; Shutdown(Empty) Empty',
  ],
  [
    KMS,
    'GetKey(GetKeyRequest) GetKeyResponse; GetAppKey(GetAppKeyRequest) AppKeyResponse; GetKmsKey(GetKmsKeyRequest) KmsKeyResponse; GetAppEnvEncryptPubKey(AppId) PublicKeyResponse; GetMeta(Empty) GetMetaResponse; GetTempCaCert(Empty) GetTempCaCertResponse; SignCert(SignCertRequest) SignCertResponse; GetSessionEvidence(GetSessionEvidenceRequest) SessionEvidence; GetSessionChallenge(Empty) SessionChallenge; BindSession(BindSessionRequest) BindSessionResponse',
  ],
  [
    Onboard,
    'Bootstrap(BootstrapRequest) BootstrapResponse; Onboard(OnboardRequest) OnboardResponse; GetAttestationInfo(Empty) AttestationInfoResponse; Finish(Empty) Empty',
  ],
  [Admin, 'ClearImageCache(ClearImageCacheRequest) Empty'],
];

const FILES = [
  file_dstack_guestagent_v1_guest_agent,
  file_dstack_guestagent_v1_tappd,
  file_dstack_guestagent_v1_worker,
  file_dstack_guestagent_v1_guest_api,
  file_dstack_kms_v1_kms,
  file_dstack_kms_v1_onboard,
  file_dstack_kms_v1_admin,
];
const ALL_MESSAGES = FILES.flatMap((file) => file.messages);

/** `guestagent.GetKeyResponse` where two packages use the name, the bare name elsewhere. */
function catalogueName(message: DescMessage): string {
  const twice = ALL_MESSAGES.filter((other) => other.name === message.name).length > 1;
  return twice ? `${message.typeName.split('.')[1]}.${message.name}` : message.name;
}

function describeField(field: DescField): string {
  const label = field.fieldKind === 'list' ? 'r ' : field.proto.proto3Optional ? 'o ' : '';
  const type = field.message?.name ?? ScalarType[field.scalar ?? 0]?.toLowerCase();
  const options = [getOption(field, omit_empty) ? ' omit_empty' : '', getOption(field, prpc_name)].filter((text) => text !== '');
  return `${field.name} ${label}${type} ${field.number}${options.map((text) => ` ${text.trim()}`).join('')}`;
}

describe('messages', () => {
  it.each(ALL_MESSAGES.map((message) => [catalogueName(message), message] as const))('%s', (name, message) => {
    expect(message.fields.map(describeField).join('; ')).toBe(MESSAGES[name]);
  });

  it('are all there', () => {
    expect(ALL_MESSAGES.map(catalogueName).toSorted()).toEqual(Object.keys(MESSAGES).toSorted());
  });
});

describe('services', () => {
  it.each(SERVICES)('$name', (service, methods) => {
    const described = service.methods.map((method) => `${method.name}(${method.input.name}) ${method.output.name}`);
    expect(described.join('; ')).toBe(methods);
    expect(service.methods.every((method) => method.methodKind === 'unary')).toBe(true);
  });

  it('are all there', () => {
    expect(FILES.flatMap((file) => file.services)).toEqual(SERVICES.map(([service]) => service));
  });
});

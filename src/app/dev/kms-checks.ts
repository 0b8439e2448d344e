import { hkdfSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { System } from './bring-up.js';
import { type Check, CheckFailed, expectConnectRefusal, expectEqual, expectPrpcRefusal, expectTrue, success } from './checks.js';
import { type Client, tlsClient, unixClient } from './http.js';
import { OTHER_APPS } from './clients.js';

const NAME = 'my-api-key';
const CONNECT_GET_KEY = '/dstack.kms.v1.KMS/GetKey';

/** Every documented call of the KMS, the equality that makes it one system with the guest agent, and its four refusals. */
export function kmsChecks(system: System): { readonly checks: readonly Check[]; close(): Promise<void> } {
  const { kmsUrl, kmsCa, clients } = system;
  const anonymous = tlsClient(kmsUrl, kmsCa, null);
  const app = tlsClient(kmsUrl, kmsCa, clients.app);
  const other = tlsClient(kmsUrl, kmsCa, clients.otherApp);
  const unlisted = tlsClient(kmsUrl, kmsCa, clients.unlisted);
  const declared = tlsClient(kmsUrl, kmsCa, clients.declared);
  const agent = unixClient(system.agentSocket);
  const checks: Check[] = [
    { name: 'KMS /health and /metrics', run: () => healthAndMetrics(anonymous) },
    { name: 'KMS GetMeta, GetTempCaCert, GetAppEnvEncryptPubKey without a certificate', run: () => anonymousCalls(anonymous, system) },
    { name: 'KMS GetAppKey over RA-TLS', run: () => appKey(app) },
    { name: `KMS GetKey("${NAME}") = guest agent GetKey(path) = formula`, run: () => sameKey(app, agent, system) },
    { name: 'another application gets another key', run: () => otherKey(app, other) },
    { name: 'GetKey as raw bytes, by its aliases, over Connect', run: () => keyForms(app) },
    { name: 'names that are none are INVALID_ARGUMENT', run: () => badNames(app) },
    { name: 'UNAUTHORIZED without evidence', run: () => refused(anonymous, NAME, 'unauthenticated', 'UNAUTHORIZED') },
    { name: 'MEASUREMENT_NOT_FOUND for genuine evidence the policy does not list', run: () => refused(unlisted, NAME, 'permission_denied', 'MEASUREMENT_NOT_FOUND') },
    { name: 'KEY_NOT_FOUND for an undeclared name', run: () => undeclared(declared) },
    { name: 'INTERNAL_ERROR when the policy cannot be read, and recovery', run: () => brokenPolicy(app, system.policyFile) },
    { name: 'no Onboard route after Finish', run: async () => expectEqual((await anonymous.get('/finish')).status, 404, 'GET /finish') },
  ];
  const close = async (): Promise<void> => {
    await Promise.all([anonymous, app, other, unlisted, declared, agent].map((client) => client.close()));
  };
  return { checks, close };
}

async function healthAndMetrics(client: Client): Promise<void> {
  expectEqual((await client.get('/health')).text, 'OK', '/health');
  expectTrue((await client.get('/metrics')).text.includes('dstack_kms_attestation_requests_total'), '/metrics has no request counter');
}

async function anonymousCalls(client: Client, { appId }: System): Promise<void> {
  const meta = success(await client.post('/prpc/GetMeta?json', {}));
  expectEqual(meta['is_dev'], false, 'is_dev');
  expectTrue(String(success(await client.post('/prpc/KMS.GetTempCaCert?json', {}))['temp_ca_key']).includes('PRIVATE KEY'), 'no temp CA key');
  const key = success(await client.post('/prpc/GetAppEnvEncryptPubKey?json', { app_id: appId }));
  expectEqual(String(key['public_key']).length, 64, 'length of public_key');
}

async function appKey(client: Client): Promise<void> {
  const keys = success(await client.post('/prpc/GetAppKey?json', { api_version: 1, vm_config: '' }));
  for (const field of ['disk_crypt_key', 'env_crypt_key', 'k256_key']) expectEqual(String(keys[field]).length, 64, `length of ${field}`);
}

async function namedKey(client: Client, name = NAME): Promise<string> {
  return String(success(await client.post('/prpc/GetKey?json', { name }))['key']);
}

/** HKDF-SHA256, salt RATLS: root → application key (app id ‖ "app-key") → named key (spec/api.md section 2.1). */
function formula(rootK256: Buffer, appId: string): string {
  const derive = (secret: Buffer, info: Buffer): Buffer => Buffer.from(hkdfSync('sha256', secret, 'RATLS', info, 32));
  const applicationKey = derive(rootK256, Buffer.concat([Buffer.from(appId, 'hex'), Buffer.from('app-key')]));
  return derive(applicationKey, Buffer.from(NAME)).toString('hex');
}

async function sameKey(kms: Client, agent: Client, { kmsKeys, appId }: System): Promise<void> {
  const fromKms = await namedKey(kms);
  expectEqual(success(await agent.post('/GetKey', { path: NAME }))['key'], fromKms, 'GetKey(path) of the guest agent');
  expectEqual(success(await agent.post('/GetKey', { name: NAME }))['key'], fromKms, 'GetKey(name) of the guest agent');
  expectEqual(formula(readFileSync(join(kmsKeys, 'root-k256.key')), appId), fromKms, 'the formula');
}

async function otherKey(app: Client, other: Client): Promise<void> {
  expectTrue((await namedKey(app)) !== (await namedKey(other)), `application ${OTHER_APPS.otherApp.appId} got the same key`);
}

async function keyForms(client: Client): Promise<void> {
  const key = await namedKey(client);
  const raw = await client.post('/prpc/getKey?json', { name: NAME }, { accept: 'application/octet-stream' });
  expectEqual(raw.bytes.toString('hex'), key, 'raw bytes');
  expectEqual(success(await client.post('/prpc/KMS.getKey?json', { name: NAME }))['key'], key, 'alias KMS.getKey');
  expectEqual(Buffer.from(String(success(await client.post(CONNECT_GET_KEY, { name: NAME }))['key']), 'base64').toString('hex'), key, 'over Connect');
}

async function badNames(client: Client): Promise<void> {
  for (const name of ['', 'a\u0000b', 'x'.repeat(257)]) {
    expectPrpcRefusal(await client.post('/prpc/GetKey?json', { name }), 'INVALID_ARGUMENT');
  }
}

async function refused(client: Client, name: string, connectCode: string, code: string): Promise<void> {
  expectPrpcRefusal(await client.post('/prpc/GetKey?json', { name }), code);
  expectConnectRefusal(await client.post(CONNECT_GET_KEY, { name }), connectCode, code);
}

async function undeclared(client: Client): Promise<void> {
  expectEqual((await namedKey(client, 'declared-key')).length, 64, 'length of the declared key');
  await refused(client, 'another-key', 'not_found', 'KEY_NOT_FOUND');
}

async function brokenPolicy(client: Client, policyFile: string): Promise<void> {
  const policy = readFileSync(policyFile);
  writeFileSync(policyFile, '{');
  try {
    await refused(client, NAME, 'internal', 'INTERNAL_ERROR');
    const { text } = await client.post('/prpc/GetKey?json', { name: NAME });
    if (text.includes(policyFile)) throw new CheckFailed('the refusal tells the caller a path of the KMS');
  } finally {
    writeFileSync(policyFile, policy);
  }
  await namedKey(client);
}

import { createHash } from 'node:crypto';
import type { System } from './bring-up.js';
import { type Check, expectEqual, expectPrpcRefusal, expectTrue, success } from './checks.js';
import { evidenceChecks } from './evidence-checks.js';
import { type Client, tlsClient, unixClient } from './http.js';
import { CHALLENGE, MACHINE_KINDS, type MachineKind } from './platforms.js';
import { acceptedByCommand } from './verify-evidence.js';
import type { Workspace } from './workspace.js';

const CONNECT = '/dstack.guestagent.v1.GuestAgent';

/** Every documented call of the guest agent, on each of its sockets. */
export function agentChecks(system: System, workspace: Workspace): { readonly checks: readonly Check[]; close(): Promise<void> } {
  const socket = unixClient(system.agentSocket);
  const tappd = unixClient(system.tappdSocket);
  const external = tlsClient(system.agentUrl, system.kmsCa, null);
  const checks: Check[] = [
    ...evidenceChecks(socket, workspace),
    { name: 'GetTlsKey: a certificate chain signed by the KMS', run: () => tlsKey(socket) },
    { name: 'Sign and Verify with each algorithm', run: () => signatures(socket) },
    { name: 'Info, Version, GpuInfo', run: () => information(socket, system) },
    { name: 'GetKey over Connect equals prpc', run: () => overConnect(socket) },
    { name: 'refusals name what is wrong', run: () => badInput(socket) },
    { name: 'Tappd: DeriveKey, DeriveK256Key, TdxQuote, RawQuote, Info', run: () => legacy(tappd, MACHINE_KINDS[workspace.platform]) },
    { name: 'external HTTPS: /attestation with a challenge, accepted by dstack verify; /health, Worker', run: () => externalListener(external, system, workspace) },
  ];
  return { checks, close: async () => void (await Promise.all([socket.close(), tappd.close(), external.close()])) };
}

async function tlsKey(client: Client): Promise<void> {
  const answer = success(await client.post('/GetTlsKey', { subject: 'app.example', alt_names: ['app.example'], usage_server_auth: true, usage_ra_tls: true }));
  expectEqual((answer['certificate_chain'] as string[]).length, 3, 'length of the chain');
}

async function signatures(client: Client): Promise<void> {
  for (const algorithm of ['ed25519', 'secp256k1', 'secp256k1_prehashed']) {
    const data = createHash('sha256').update('message').digest('hex');
    const { signature, public_key } = success(await client.post('/Sign', { algorithm, data }));
    expectEqual(success(await client.post('/Verify', { algorithm, data, signature, public_key }))['valid'], true, algorithm);
    const other = createHash('sha256').update('another').digest('hex');
    expectEqual(success(await client.post('/Verify', { algorithm, data: other, signature, public_key }))['valid'], false, `${algorithm}, other data`);
  }
}

async function information(client: Client, { appId }: System): Promise<void> {
  const info = success(await client.post('/Info', {}));
  expectEqual(info['app_id'], appId, 'app_id');
  expectTrue(String(info['app_cert']).includes('BEGIN CERTIFICATE'), 'no app_cert');
  expectEqual((JSON.parse(String(info['tcb_info'])) as Record<string, unknown>)['development'], true, 'development in tcb_info');
  expectTrue(String(success(await client.post('/Version', {}))['version']).length > 0, 'no version');
  success(await client.post('/GpuInfo', {}));
}

async function overConnect(client: Client): Promise<void> {
  const connect = Buffer.from(String(success(await client.post(`${CONNECT}/GetKey`, { path: 'a', purpose: 'b' }))['key']), 'base64').toString('hex');
  expectEqual(success(await client.post('/GetKey', { path: 'a', purpose: 'b' }))['key'], connect, 'key');
}

async function badInput(client: Client): Promise<void> {
  expectPrpcRefusal(await client.post('/GetQuote', { report_data: '00'.repeat(65) }), 'INVALID_ARGUMENT');
  expectPrpcRefusal(await client.post('/GetKey', { path: 'a', name: 'b' }), 'INVALID_ARGUMENT');
  expectPrpcRefusal(await client.post('/Sign', { algorithm: 'rsa', data: '' }), 'INVALID_ARGUMENT');
}

async function legacy(client: Client, { quotes }: MachineKind): Promise<void> {
  const key = await client.post('/prpc/Tappd.DeriveKey', { path: 'a', subject: 'a' });
  expectTrue(String(success(key)['key']).includes('BEGIN PRIVATE KEY'), 'no key');
  expectEqual(String(success(await client.post('/prpc/Tappd.DeriveK256Key', { path: 'a' }))['k256_key']).length, 64, 'length of k256_key');
  const quote = success(await client.post('/prpc/Tappd.TdxQuote', { report_data: CHALLENGE }));
  expectEqual(quote['prefix'], 'app-data', 'prefix');
  expectEqual(String(quote['quote']).startsWith('0400'), quotes === 'tdx', 'there is a TDX quote');
  success(await client.post('/prpc/Tappd.RawQuote', { report_data: '00'.repeat(64) }));
  success(await client.post('/prpc/Tappd.Info', {}));
}

async function externalListener(client: Client, { appId }: System, workspace: Workspace): Promise<void> {
  const evidence = success(await client.get(`/attestation?challenge=${CHALLENGE}`));
  const bound = createHash('sha512').update('app-data:').update(Buffer.from(CHALLENGE, 'hex')).digest('hex');
  expectEqual(evidence['report_data'], bound, 'report_data');
  expectEqual(evidence['app_id'], appId, 'app_id');
  await acceptedByCommand(Buffer.from(String(evidence['attestation']), 'hex'), workspace, bound);
  expectEqual((await client.get('/health')).status, 200, '/health');
  expectEqual(success(await client.post('/prpc/Worker.Info?json', {}))['app_id'], appId, 'Worker.Info');
}

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseQuote } from '../../attestation/tdx/quote.js';
import { runVerify } from '../verify-command.js';
import type { System } from './bring-up.js';
import { type Check, CheckFailed, expectEqual, expectPrpcRefusal, expectTrue, success } from './checks.js';
import { type Client, tlsClient, unixClient } from './http.js';
import type { Workspace } from './workspace.js';

const CHALLENGE = '1234deadbeef';
const CONNECT = '/dstack.guestagent.v1.GuestAgent';

/** Every documented call of the guest agent, on each of its sockets. */
export function agentChecks(system: System, workspace: Workspace): { readonly checks: readonly Check[]; close(): Promise<void> } {
  const socket = unixClient(system.agentSocket);
  const tappd = unixClient(system.tappdSocket);
  const external = tlsClient(system.agentUrl, system.kmsCa, null);
  const checks: Check[] = [
    { name: 'GET /GetQuote: base64 quote that dstack verify accepts, RTMRs read from it', run: () => documentedQuote(socket, workspace) },
    { name: 'GET /GetAttestation names the platform and the call to use', run: () => notNitro(socket) },
    { name: 'POST /GetQuote and /Attest in hex', run: () => hexQuote(socket) },
    { name: 'GetTlsKey: a certificate chain signed by the KMS', run: () => tlsKey(socket) },
    { name: 'Sign and Verify with each algorithm', run: () => signatures(socket) },
    { name: 'Info, Version, GpuInfo', run: () => information(socket, system) },
    { name: 'EmitEvent extends RTMR3', run: () => emitEvent(socket) },
    { name: 'GetKey over Connect equals prpc', run: () => overConnect(socket) },
    { name: 'refusals name what is wrong', run: () => badInput(socket) },
    { name: 'Tappd: DeriveKey, DeriveK256Key, TdxQuote, RawQuote, Info', run: () => legacy(tappd) },
    { name: 'external HTTPS: /attestation with a challenge, /health, Worker', run: () => externalListener(external, system) },
  ];
  return { checks, close: async () => void (await Promise.all([socket.close(), tappd.close(), external.close()])) };
}

async function documentedQuote(client: Client, workspace: Workspace): Promise<void> {
  const answer = success(await client.get(`/GetQuote?report_data=0x${CHALLENGE}`));
  const quote = Buffer.from(String(answer['quote']), 'base64');
  const { report } = parseQuote(quote);
  if (!('rtmrs' in report)) throw new CheckFailed('the quote holds no TD report');
  for (const [i, rtmr] of report.rtmrs.entries()) expectEqual(answer[`rtmr${i}`], Buffer.from(rtmr).toString('hex'), `rtmr${i}`);
  expectEqual(answer['report_data'], CHALLENGE.padEnd(128, '0'), 'report_data');
  await verifiedByCommand(quote, workspace);
}

async function verifiedByCommand(quote: Buffer, { directory, paths }: Workspace): Promise<void> {
  const file = join(directory, 'quote.bin');
  writeFileSync(file, quote);
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const options = { file, collateral: paths.collateral, at: null, roots: [paths.tdxRoot], reportData: CHALLENGE, json: true };
  const status = await runVerify(options, { readFile, now: () => Date.now() / 1000, out: say, err: () => undefined });
  if (status !== 0) throw new CheckFailed(`dstack verify refuses the quote: ${lines.join(' ')}`);
}

async function notNitro(client: Client): Promise<void> {
  const answer = await client.get(`/GetAttestation?user_data=0x${CHALLENGE}`);
  expectPrpcRefusal(answer, 'UNSUPPORTED_PLATFORM');
  expectTrue(answer.text.includes('GetQuote'), 'the error does not name GetQuote');
}

async function hexQuote(client: Client): Promise<void> {
  const quote = success(await client.post('/GetQuote', { report_data: CHALLENGE }));
  expectEqual(quote['report_data'], CHALLENGE.padEnd(128, '0'), 'report_data');
  expectTrue(String(quote['quote']).startsWith('0400'), 'quote is not version 4 in hex');
  expectTrue(String(success(await client.post('/Attest', { report_data: CHALLENGE }))['attestation']).length > 2000, 'attestation is short');
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
  expectTrue(JSON.stringify(info).toLowerCase().includes('development'), 'Info does not say that the platform is a development one');
  expectTrue(String(success(await client.post('/Version', {}))['version']).length > 0, 'no version');
  success(await client.post('/GpuInfo', {}));
}

async function emitEvent(client: Client): Promise<void> {
  const rtmr3 = async (): Promise<unknown> => success(await client.get('/GetQuote'))['rtmr3'];
  const before = await rtmr3();
  expectEqual((await client.post('/EmitEvent', { event: 'example', payload: '00ff' })).text, 'null', 'answer');
  expectTrue((await rtmr3()) !== before, 'RTMR3 did not change');
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

async function legacy(client: Client): Promise<void> {
  const key = await client.post('/prpc/Tappd.DeriveKey', { path: 'a', subject: 'a' });
  expectTrue(String(success(key)['key']).includes('BEGIN PRIVATE KEY'), 'no key');
  expectEqual(String(success(await client.post('/prpc/Tappd.DeriveK256Key', { path: 'a' }))['k256_key']).length, 64, 'length of k256_key');
  expectEqual(success(await client.post('/prpc/Tappd.TdxQuote', { report_data: CHALLENGE }))['prefix'], 'app-data', 'prefix');
  success(await client.post('/prpc/Tappd.RawQuote', { report_data: '00'.repeat(64) }));
  success(await client.post('/prpc/Tappd.Info', {}));
}

async function externalListener(client: Client, { appId }: System): Promise<void> {
  const evidence = success(await client.get(`/attestation?challenge=${CHALLENGE}`));
  const bound = createHash('sha512').update('app-data:').update(Buffer.from(CHALLENGE, 'hex')).digest('hex');
  expectEqual(evidence['report_data'], bound, 'report_data');
  expectEqual(evidence['app_id'], appId, 'app_id');
  expectEqual((await client.get('/health')).status, 200, '/health');
  expectEqual(success(await client.post('/prpc/Worker.Info?json', {}))['app_id'], appId, 'Worker.Info');
}

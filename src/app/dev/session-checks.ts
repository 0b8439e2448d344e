import { createHash, randomBytes } from 'node:crypto';
import { decodeAttestation, encodeAttestation } from '../../attestation/wire/decode.js';
import { hex } from '../../crypto/hex.js';
import { randomP256Key } from '../../crypto/p256.js';
import { certificateReportData } from '../../crypto/report-data.js';
import { signCsr } from '../../x509/csr.js';
import type { System } from './bring-up.js';
import { type Check, expectEqual, expectPrpcRefusal, expectTrue, success } from './checks.js';
import { attestedPair, type ClientPem, machineOf, OTHER_APPS } from './clients.js';
import { type Answer, type SessionClient, sessionClient, unixClient } from './http.js';
import { acceptedByCommand } from './verify-evidence.js';
import type { Workspace } from './workspace.js';

type Machine = Parameters<typeof attestedPair>[0];

/** The calls that bind evidence to one TLS connection. The client is the machine of the guest agent, asked for evidence on its socket. */
export function sessionChecks(system: System, workspace: Workspace): { readonly checks: readonly Check[]; close(): Promise<void> } {
  const open: SessionClient[] = [];
  const session = async (client: ClientPem | null): Promise<SessionClient> => {
    const made = await sessionClient(system.kmsUrl, system.kmsCa, client);
    open.push(made);
    return made;
  };
  const agent = unixClient(system.agentSocket);
  const machine: Machine = {
    attest: async (bytes) => {
      const { attestation } = success(await agent.post('/Attest', { report_data: hex(bytes) }));
      return decodeAttestation(Uint8Array.from(Buffer.from(String(attestation), 'hex')));
    },
  };
  const pair = async (): Promise<ClientPem> => {
    const { temp_ca_cert: cert, temp_ca_key: key } = success(await (await session(null)).post('/prpc/GetTempCaCert?json', {}));
    return attestedPair(machine, { cert: String(cert), key: String(key) });
  };
  const bound = async (): Promise<SessionClient> => {
    const client = await pair();
    const on = await session(client);
    expectTrue(Number(success(await bind(on, await proof(machine, on, client.spki, await challenge(on))))['seconds']) > 0, 'the session is bound for no time');
    return on;
  };
  const checks: Check[] = [
    { name: 'KMS GetSessionEvidence: of the KMS, for this very TLS connection, accepted by dstack verify', run: async () => kmsEvidence(await session(null), workspace) },
    { name: 'KMS GetSessionChallenge and BindSession: the application proves itself on its connection', run: async () => keysOf(await bound(), await session(null)) },
    { name: 'BindSession refuses evidence of another connection, and a second answer', run: async () => relayed(machine, await pair(), session) },
    { name: 'SignCert on a bound connection: for its own machine only', run: async () => certificates(await bound(), machine, machineOf(workspace, OTHER_APPS.otherApp)) },
  ];
  return { checks, close: async () => void (await Promise.all([agent, ...open].map((client) => client.close()))) };
}

/** SHA-512("dstack-session:" ‖ exporter ‖ SubjectPublicKeyInfo of who gives the evidence ‖ nonce) (proto/dstack/kms/v1/kms.proto). */
function reportData(exporter: Uint8Array, spki: Uint8Array, nonce: Uint8Array): Buffer {
  return createHash('sha512').update('dstack-session:').update(exporter).update(spki).update(nonce).digest();
}

async function challenge(on: SessionClient): Promise<Buffer> {
  return Buffer.from(String(success(await on.post('/prpc/GetSessionChallenge?json', {}))['nonce']), 'hex');
}

async function proof(machine: Machine, { exporter }: SessionClient, spki: Uint8Array, nonce: Uint8Array): Promise<Uint8Array> {
  return encodeAttestation(await machine.attest(reportData(exporter, spki, nonce)));
}

function bind(on: SessionClient, attestation: Uint8Array): Promise<Answer> {
  return on.post('/prpc/BindSession?json', { attestation: hex(attestation) });
}

async function kmsEvidence(on: SessionClient, workspace: Workspace): Promise<void> {
  const nonce = randomBytes(32);
  const { attestation } = success(await on.post('/prpc/GetSessionEvidence?json', { nonce: hex(nonce) }));
  await acceptedByCommand(Buffer.from(String(attestation), 'hex'), workspace, hex(reportData(on.exporter, on.serverSpki, nonce)));
  expectPrpcRefusal(await on.post('/prpc/GetSessionEvidence?json', { nonce: hex(randomBytes(15)) }), 'INVALID_ARGUMENT');
}

async function keysOf(bound: SessionClient, anonymous: SessionClient): Promise<void> {
  expectEqual(String(success(await bound.post('/prpc/GetKey?json', { name: 'my-api-key' }))['key']).length, 64, 'length of the key');
  expectPrpcRefusal(await anonymous.post('/prpc/GetSessionChallenge?json', {}), 'UNAUTHORIZED');
}

async function relayed(machine: Machine, client: ClientPem, session: (client: ClientPem) => Promise<SessionClient>): Promise<void> {
  const [on, elsewhere] = [await session(client), await session(client)];
  expectPrpcRefusal(await bind(on, await proof(machine, elsewhere, client.spki, await challenge(on))), 'UNAUTHORIZED');
  const good = await proof(machine, on, client.spki, await challenge(on));
  success(await bind(on, good));
  expectPrpcRefusal(await bind(on, good), 'UNAUTHORIZED');
}

async function certificates(bound: SessionClient, own: Machine, other: Machine): Promise<void> {
  expectEqual((success(await signCert(bound, own))['certificate_chain'] as string[]).length, 3, 'length of the chain');
  expectPrpcRefusal(await signCert(bound, other), 'UNAUTHORIZED');
}

async function signCert(on: SessionClient, machine: Machine): Promise<Answer> {
  const key = randomP256Key(randomBytes);
  const attestation = encodeAttestation(await machine.attest(certificateReportData(key.spki)));
  const names = { organization: null, subject: 'app.example', subjectAltNames: ['app.example'], notBefore: null, notAfter: null };
  const { csr, signature } = signCsr(key, { ...names, serverAuth: true, clientAuth: false, withAttestation: true, withAppInfo: false }, attestation);
  return on.post('/prpc/SignCert?json', { api_version: 2, csr: hex(csr), signature: hex(signature), vm_config: '' });
}

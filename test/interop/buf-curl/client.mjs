// `buf curl`, a client that knows no schema but what the server tells by reflection, against every listener.
// INTEROP_SYSTEM names the JSON file that describes the system (test/interop/README.md).
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { check } from '../check.mjs';
import { call, list, refusal, tlsServer, unixServer } from './curl.mjs';

const system = JSON.parse(readFileSync(process.env.INTEROP_SYSTEM, 'utf8'));
const { kmsUrl, kmsCa, agentUrl, clients, keyName } = system;
const kms = tlsServer(kmsUrl, kmsCa, clients.app);
const SERVERS = {
  'dstack.guestagent.v1.GuestAgent': unixServer(system.agentSocket),
  'dstack.guestagent.v1.Tappd': unixServer(system.tappdSocket),
  'dstack.guestagent.v1.Worker': tlsServer(agentUrl, kmsCa),
  'dstack.kms.v1.KMS': kms,
};
const PROTOCOLS = ['connect', 'grpc', 'grpcweb'];
const base64Hex = (text) => Buffer.from(text, 'base64').toString('hex');

/** The methods of a service as its .proto file declares them, sorted. */
function declared(service) {
  const [, folder, name] = /^dstack\.(\w+)\.v1\.(\w+)$/.exec(service);
  const file = name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
  const text = readFileSync(`${system.protoDir}/dstack/${folder}/v1/${file}.proto`, 'utf8');
  return [...text.matchAll(/^ {2}rpc (\w+)/gm)].map(([, method]) => `${service}/${method}`).sort();
}

async function reflection(service, server) {
  for (const version of ['grpc-v1', 'grpc-v1alpha']) {
    await check(`${service}: its listener lists it and its methods, no other of ours (${version})`, async () => {
      const ours = (names) => names.filter((name) => name.startsWith('dstack.')).sort();
      assert.deepEqual(ours(await list(server, 'services', version)), [service]);
      assert.deepEqual(ours(await list(server, 'methods', version)), declared(service));
    });
  }
}

async function health(protocol, service, server) {
  await check(`${protocol}: health of ${service}`, async () => {
    assert.deepEqual(await call(server, protocol, 'grpc.health.v1.Health/Check', { service }), { status: 'SERVING' });
  });
}

async function guestAgent(protocol, server) {
  await check(`${protocol}: GuestAgent.GetKey, Info and Version`, async () => {
    const { key, signatureChain } = await call(server, protocol, 'dstack.guestagent.v1.GuestAgent/GetKey', { path: keyName });
    assert.equal(base64Hex(key), system.expectedKey);
    assert.equal(signatureChain.length, 2);
    assert.equal(base64Hex((await call(server, protocol, 'dstack.guestagent.v1.GuestAgent/Info')).appId), system.appId);
    assert.match((await call(server, protocol, 'dstack.guestagent.v1.GuestAgent/Version')).version, /^\d+\./);
  });
  await check(`${protocol}: GuestAgent.GetQuote, Sign and Verify`, async () => {
    const challenge = randomBytes(64).toString('base64');
    const { quote } = await call(server, protocol, 'dstack.guestagent.v1.GuestAgent/GetQuote', { reportData: challenge });
    assert.equal(Buffer.from(quote, 'base64').subarray(568, 632).toString('base64'), challenge);
    const signed = await call(server, protocol, 'dstack.guestagent.v1.GuestAgent/Sign', { algorithm: 'ed25519', data: challenge });
    const { signature, publicKey } = signed;
    const request = { algorithm: 'ed25519', data: challenge, signature, publicKey };
    assert.deepEqual(await call(server, protocol, 'dstack.guestagent.v1.GuestAgent/Verify', request), { valid: true });
  });
}

async function tappdAndWorker(protocol) {
  await check(`${protocol}: Tappd.DeriveK256Key`, async () => {
    const server = SERVERS['dstack.guestagent.v1.Tappd'];
    const { k256Key } = await call(server, protocol, 'dstack.guestagent.v1.Tappd/DeriveK256Key', { path: keyName });
    assert.equal(base64Hex(k256Key), system.expectedKey);
  });
  await check(`${protocol}: Worker.GetAttestationForAppKey`, async () => {
    const server = SERVERS['dstack.guestagent.v1.Worker'];
    const method = 'dstack.guestagent.v1.Worker/GetAttestationForAppKey';
    const { reportData } = await call(server, protocol, method, { algorithm: 'secp256k1' });
    assert.match(Buffer.from(reportData, 'base64').toString(), /^dip1::secp256k1c-pk:/);
  });
}

async function kmsCalls(protocol) {
  const method = 'dstack.kms.v1.KMS/GetKey';
  await check(`${protocol}: KMS.GetMeta and GetKey over RA-TLS`, async () => {
    const meta = await call(tlsServer(kmsUrl, kmsCa), protocol, 'dstack.kms.v1.KMS/GetMeta');
    assert.equal(base64Hex(meta.k256Pubkey), system.kmsRootPublicKey);
    assert.equal(base64Hex((await call(kms, protocol, method, { name: keyName })).key), system.expectedKey);
  });
  for (const [client, connectCode, code] of [
    [null, 'unauthenticated', 'UNAUTHORIZED'],
    ['unlisted', 'permission_denied', 'MEASUREMENT_NOT_FOUND'],
    ['declared', 'not_found', 'KEY_NOT_FOUND'],
  ]) {
    await check(`${protocol}: KMS.GetKey refused with ${code}`, async () => {
      const refused = await refusal(tlsServer(kmsUrl, kmsCa, client === null ? null : clients[client]), protocol, method, { name: keyName });
      assert.equal(refused.code, connectCode);
      assert.equal(refused.details.length, 1);
      assert.equal(refused.details[0].type, 'dstack.errors.v1.ErrorDetail');
      // ErrorDetail is one string, field 1: tag and length, then the text.
      assert.equal(Buffer.from(refused.details[0].value, 'base64').subarray(2).toString(), code);
    });
  }
}

for (const [service, server] of Object.entries(SERVERS)) await reflection(service, server);
await Promise.all(
  PROTOCOLS.map(async (protocol) => {
    await guestAgent(protocol, SERVERS['dstack.guestagent.v1.GuestAgent']);
    await tappdAndWorker(protocol);
    await kmsCalls(protocol);
    for (const [service, server] of Object.entries(SERVERS)) await health(protocol, service, server);
  }),
);

import assert from 'node:assert/strict';
import { createHash, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DstackClient } from '@phala/dstack-sdk';
import { check } from '../check.mjs';
import { readQuote } from './quote.mjs';
import { assertSignatureChain, publicKeyOf, signatureHolds } from './signatures.mjs';

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const sha256 = (data) => createHash('sha256').update(data).digest('hex');

/** Every call the package offers on `dstack.sock`. */
export async function dstackClientChecks(system) {
  const client = new DstackClient(system.agentSocket);
  await check('DstackClient.isReachable', async () => assert.equal(await client.isReachable(), true));
  await keys(client, system);
  await evidence(client, system);
  await signatures(client, system);
  await tlsKeys(client, system);
}

async function keys(client, system) {
  await check('DstackClient.getKey: the key all clients agree on', async () => {
    const { key } = await client.getKey(system.keyName);
    assert.equal(hex(key), system.expectedKey);
  });
  await check('DstackClient.getKey: the signature chain leads to the KMS root', async () => {
    const { key, signature_chain: chain } = await client.getKey(system.keyName, 'interop');
    assertSignatureChain(chain, 'interop', publicKeyOf(key), system);
  });
  await check('DstackClient.getKey: path names the key, purpose and algorithm do not', async () => {
    assert.equal(hex((await client.getKey(system.keyName, 'another purpose', 'ed25519')).key), system.expectedKey);
    assert.notEqual(hex((await client.getKey(`${system.keyName}-2`)).key), system.expectedKey);
  });
  await check('DstackClient.getKey: an unknown algorithm fails', () => assert.rejects(client.getKey('', '', 'rsa')));
}

async function evidence(client, system) {
  const challenge = randomBytes(32);
  const quote = await client.getQuote(challenge);
  const quoted = readQuote(quote.quote);
  await check('DstackClient.getQuote: the challenge is in the quote', () => {
    assert.equal(quoted.version, 4);
    assert.equal(quoted.reportData, hex(challenge).padEnd(128, '0'));
    assert.equal(quote.report_data, quoted.reportData);
  });
  await check('DstackClient.getQuote: the boot events replay to the quoted registers', () => {
    assert.deepEqual(quote.replayRtmrs().slice(0, 3), quoted.rtmrs.slice(0, 3));
  });
  await check('DstackClient.getQuote: 65 bytes are refused', () => assert.rejects(client.getQuote(randomBytes(65))));
  await check('DstackClient.attest', async () => {
    const { attestation } = await client.attest(challenge);
    assert.ok(Buffer.from(attestation, 'hex').includes(challenge));
  });
  await check('DstackClient.info', async () => {
    const info = await client.info();
    assert.equal(info.app_id, system.appId);
    assert.equal(info.compose_hash, sha256(info.tcb_info.app_compose));
    assert.deepEqual([0, 1, 2, 3].map((index) => info.tcb_info[`rtmr${index}`]), quoted.rtmrs);
    assert.equal(JSON.parse(info.key_provider_info).name, 'kms');
    assert.ok(new X509Certificate(info.app_cert).raw.length > 0);
  });
  await check('DstackClient.emitEvent: the event is measured', async () => {
    await client.emitEvent('interop-js', 'payload');
    const { tcb_info: tcb } = await client.info();
    assert.equal(tcb.event_log.find(({ event }) => event === 'interop-js')?.event_payload, hex(Buffer.from('payload')));
    assert.notEqual(tcb.rtmr3, quoted.rtmrs[3]);
  });
  await check('DstackClient.version', async () => assert.match((await client.version()).version, /^\d+\.\d+\.\d+/));
}

async function signatures(client, system) {
  const message = Buffer.from('interop message');
  const digest = createHash('sha256').update(message).digest();
  for (const [algorithm, data] of [['ed25519', message], ['secp256k1', message], ['secp256k1_prehashed', digest]]) {
    await check(`DstackClient.sign and verify with ${algorithm}`, async () => {
      const signed = await client.sign(algorithm, data);
      assert.ok(signatureHolds(algorithm, data, signed));
      const [own, ...chain] = signed.signature_chain;
      assert.deepEqual(own, signed.signature);
      assertSignatureChain(chain, 'signing', hex(signed.public_key), system);
      assert.equal((await client.verify(algorithm, data, signed.signature, signed.public_key)).valid, true);
      const other = Buffer.from(Uint8Array.from(data).toReversed());
      assert.equal((await client.verify(algorithm, other, signed.signature, signed.public_key)).valid, false);
    });
  }
}

async function tlsKeys(client, system) {
  const ca = new X509Certificate(readFileSync(system.kmsCa));
  await check('DstackClient.getTlsKey: key and chain up to the CA of the KMS', async () => {
    const { key, certificate_chain: chain } = await client.getTlsKey({ subject: 'interop', altNames: ['interop.example', '127.0.0.1'] });
    const certificates = chain.map((pem) => new X509Certificate(pem));
    const [leaf] = certificates;
    assert.ok(leaf.checkPrivateKey(createPrivateKey(key)));
    assert.equal(leaf.subject, 'CN=interop');
    assert.equal(leaf.subjectAltName, 'DNS:interop.example, IP Address:127.0.0.1');
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    certificates.slice(1).forEach((issuer, index) => assert.ok(certificates[index].verify(issuer.publicKey)));
    assert.equal(certificates.at(-1).fingerprint256, ca.fingerprint256);
  });
  await check('DstackClient.getTlsKey: validity as asked, a new key each time', async () => {
    const options = { notBefore: 1_700_000_000, notAfter: 4_000_000_000, withAppInfo: true, usageRaTls: true, usageClientAuth: true };
    const [one, two] = [await client.getTlsKey(options), await client.getTlsKey(options)];
    assert.notEqual(one.key, two.key);
    const leaf = new X509Certificate(one.certificate_chain[0]);
    assert.equal(Date.parse(leaf.validFrom), 1_700_000_000_000);
    assert.equal(Date.parse(leaf.validTo), 4_000_000_000_000);
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  });
}

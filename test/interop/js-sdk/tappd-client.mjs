import assert from 'node:assert/strict';
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { TappdClient } from '@phala/dstack-sdk';
import { check } from '../check.mjs';
import { readQuote } from './quote.mjs';

/** Every call of the older client that the package still offers. */
export async function tappdClientChecks(system) {
  const client = new TappdClient(system.tappdSocket);

  await check('TappdClient.isReachable', async () => assert.equal(await client.isReachable(), true));

  await check('TappdClient.deriveKey: the same key for the same path, certified', async () => {
    const first = await client.deriveKey('/interop', 'interop.example', ['interop.example']);
    const again = await client.deriveKey('/interop');
    const other = await client.deriveKey('/interop/other');
    assert.equal(again.key, first.key);
    assert.notEqual(other.key, first.key);
    const leaf = new X509Certificate(first.certificate_chain[0]);
    assert.ok(leaf.checkPrivateKey(createPrivateKey(first.key)));
    assert.equal(leaf.subject, 'CN=interop.example');
    assert.equal(leaf.checkHost('interop.example'), 'interop.example');
  });

  for (const algorithm of ['sha256', 'sha384', 'sha512', 'sha3-512']) {
    await check(`TappdClient.tdxQuote with ${algorithm} quotes hash(app-data:…)`, async () => {
      const { quote } = await client.tdxQuote('interop', algorithm);
      const hash = createHash(algorithm).update('app-data:interop').digest('hex');
      assert.equal(readQuote(quote).reportData, hash.padEnd(128, '0'));
    });
  }

  await check('TappdClient.tdxQuote raw quotes the data itself', async () => {
    const { quote } = await client.tdxQuote('interop', 'raw');
    assert.equal(readQuote(quote).reportData, Buffer.from('interop').toString('hex').padStart(128, '0'));
  });
}

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { KeyMaterialError } from '../../src/crypto/key-error.js';
import { P256Key, randomP256Key } from '../../src/crypto/p256.js';
import { p256KeyFromPem, p256KeyToPem } from '../../src/crypto/p256-pem.js';
import { encodePem } from '../../src/crypto/pem.js';
import { fill, hex, thrownBy, toHex } from './bytes.js';
import { KMS } from './kms-vectors.js';

const vector = (name: string): string => readFileSync(new URL(`../vectors/kms/dir/${name}`, import.meta.url), 'latin1');

describe('P-256 keys as PEM', () => {
  it.each(['root-ca.key', 'tmp-ca.key', 'rpc.key'])('%s of an existing key directory is read and written back byte for byte', (name) => {
    expect(p256KeyToPem(p256KeyFromPem(vector(name)))).toBe(vector(name));
  });

  it('are what the platform writes', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    expect(p256KeyToPem(p256KeyFromPem(pem))).toBe(pem);
    expect(p256KeyFromPem(pem).privateKey.equals(privateKey)).toBe(true);
  });

  it('may come without the public key inside, with CRLF, and with text around them', () => {
    const bare = hex(`3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420${toHex(KMS.rootScalar)}`);
    const pem = `a comment\r\n${encodePem('PRIVATE KEY', bare).replaceAll('\n', '\r\n')}\r\n`;
    expect(toHex(p256KeyFromPem(pem).spki)).toBe(KMS.rootSpki);
  });

  it('with the public key of another key inside are refused', () => {
    const der = new P256Key(KMS.rootScalar).pkcs8.slice();
    der.set(randomP256Key((length) => randomBytes(length)).point, der.length - 65);
    expect(thrownBy(() => p256KeyFromPem(encodePem('PRIVATE KEY', der)))).toMatchObject({ constructor: KeyMaterialError, code: 'PRIVATE_KEY_INVALID' });
  });

  it('of another kind, cut, doubled or out of range are refused', () => {
    const good = new P256Key(KMS.rootScalar).pkcs8;
    const zero = good.slice();
    zero.fill(0, 36, 68);
    const pem = (pair: { privateKey: { export(options: { format: 'pem'; type: 'pkcs8' }): string | Buffer } }): string => pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const wrong = [
      pem(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
      pem(generateKeyPairSync('ed25519')),
      encodePem('PRIVATE KEY', good.subarray(0, 100)),
      encodePem('PRIVATE KEY', Uint8Array.of(...good, 0)),
      encodePem('PRIVATE KEY', zero),
      encodePem('PRIVATE KEY', fill(10, 0)),
      encodePem('EC PRIVATE KEY', good),
      encodePem('PRIVATE KEY', good) + encodePem('PRIVATE KEY', good),
      '',
    ];
    for (const text of wrong) expect(thrownBy(() => p256KeyFromPem(text))).toMatchObject({ constructor: KeyMaterialError, code: 'PRIVATE_KEY_INVALID' });
  });
});

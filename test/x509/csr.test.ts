import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { P256Key } from '../../src/crypto/p256.js';
import { ScaleWriter } from '../../src/crypto/scale-write.js';
import { messageChain } from '../../src/errors/base.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { decodeCsr, encodeCsrV2, signCsr } from '../../src/x509/csr.js';
import type { CsrConfig } from '../../src/x509/csr.js';
import { verifyCsr } from '../../src/x509/verify-csr.js';
import { ascii, fill, hex, thrownBy, toHex } from '../crypto/bytes.js';
import { recordedSignCerts } from './recorded-kms.js';

const CONFIG: CsrConfig = {
  organization: null,
  subject: 'test.example.com',
  subjectAltNames: [],
  serverAuth: true,
  clientAuth: false,
  withAttestation: false,
  withAppInfo: false,
  notBefore: null,
  notAfter: null,
};
const FULL: CsrConfig = { ...CONFIG, organization: 'Örg', subjectAltNames: ['a', 'b'], clientAuth: true, withAttestation: true, withAppInfo: true, notBefore: 1n, notAfter: 2n ** 64n - 1n };
const KEY = new P256Key(fill(32, 6));

// spec/kms.md section 6 and spec/attestation.md section 9.5, asserted by the existing implementation's own tests.
const HEAD = '44706c65617365207369676e20636572743a0c0102030040746573742e6578616d706c652e636f6d';
const ZEROS = '00'.repeat(64);
const VECTORS = [
  { config: CONFIG, attestation: `0000000000${ZEROS}00`, csr: `${HEAD}000100000000000000000000${ZEROS}00` },
  { config: { ...CONFIG, withAttestation: true }, attestation: `000004090000${ZEROS}00`, csr: `${HEAD}00010001000000000004090000${ZEROS}00` },
];

describe('version 2', () => {
  it.each(VECTORS)('is encoded and decoded as recorded (%#)', ({ config, attestation, csr }) => {
    expect(toHex(encodeCsrV2(hex('010203'), config, hex(attestation)))).toBe(csr);
    const decoded = decodeCsr(hex(csr), 2);
    expect(decoded).toMatchObject({ confirm: 'please sign cert:', config });
    expect(toHex(decoded.spki)).toBe('010203');
    expect(decoded.evidence).toMatchObject({ version: 2 });
    if (decoded.evidence.version === 2) expect(toHex(decoded.evidence.attestation)).toBe(attestation);
  });

  it('keeps every field', () => {
    const { csr, signature } = signCsr(KEY, FULL, ascii('evidence'));
    const decoded = decodeCsr(csr, 2);
    expect(decoded.config).toEqual(FULL);
    verifyCsr(csr, decoded, signature);
  });

  it('is refused cut anywhere before the evidence', () => {
    const csr = encodeCsrV2(KEY.spki, FULL, new Uint8Array(0));
    for (let length = 0; length < csr.length; length++) {
      expect(thrownBy(() => decodeCsr(csr.subarray(0, length), 2))).toMatchObject({ constructor: ServiceError, code: 'INVALID_ARGUMENT' });
    }
    expect(decodeCsr(csr, 2).config).toEqual(FULL);
  });

  it('decodes to what encodes to the same bytes, or is refused', () => {
    const good = encodeCsrV2(hex('010203'), FULL, hex('aabb'));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const changed = good.slice();
        changed[at] = byte;
        try {
          const { confirm, spki, config, evidence } = decodeCsr(changed, 2);
          if (evidence.version !== 2) throw new Error('version 2');
          if (confirm === 'please sign cert:') expect(toHex(encodeCsrV2(spki, config, evidence.attestation))).toBe(toHex(changed));
        } catch (error) {
          expect(error).toMatchObject({ constructor: ServiceError, code: 'INVALID_ARGUMENT' });
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is bounded', () => {
    const tooBig = [
      encodeCsrV2(KEY.spki, CONFIG, new Uint8Array(10_485_761)),
      encodeCsrV2(KEY.spki, { ...CONFIG, subject: 'x'.repeat(1025) }, hex('')),
      encodeCsrV2(KEY.spki, { ...CONFIG, subjectAltNames: Array.from({ length: 257 }, () => 'x') }, hex('')),
      encodeCsrV2(new Uint8Array(1025), CONFIG, hex('')),
    ];
    for (const csr of tooBig) expect(thrownBy(() => decodeCsr(csr, 2))).toMatchObject({ constructor: ServiceError, code: 'INVALID_ARGUMENT' });
    expect(decodeCsr(encodeCsrV2(KEY.spki, CONFIG, new Uint8Array(10_485_760)), 2).evidence).toMatchObject({ version: 2 });
  });
});

describe('version 1', () => {
  const v1 = (tail: (writer: ScaleWriter) => ScaleWriter): Uint8Array =>
    tail(new ScaleWriter().string('please sign cert:').bytes(KEY.spki).u8(0).string('cn').compact(1).string('alt').bool(true).bool(false).bool(true)).finish();

  it('has a quote and an event log, and no more options', () => {
    const csr = v1((writer) => writer.bytes(hex('0102')).bytes(ascii('[]')));
    const decoded = decodeCsr(csr, 1);
    expect(decoded.config).toEqual({ ...CONFIG, subject: 'cn', subjectAltNames: ['alt'], withAttestation: true });
    expect(decoded.evidence).toEqual({ version: 1, quote: hex('0102'), eventLog: ascii('[]') });
    verifyCsr(csr, decoded, KEY.sign(csr));
  });

  it('has nothing after them', () => {
    expect(thrownBy(() => decodeCsr(v1((writer) => writer.bytes(hex('')).bytes(hex('')).u8(0)), 1))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('requests sent to an existing KMS', () => {
  it.each(recordedSignCerts.filter(({ request }) => request.api_version === 2))('$case', ({ request, answer }) => {
    const csr = hex(request.csr);
    const run = (): void => verifyCsr(csr, decodeCsr(csr, 2), hex(request.signature));
    if (answer.error === undefined) run();
    else expect(messageChain(thrownBy(run))).toBe(answer.error);
  });
});

describe('verifyCsr', () => {
  const check = (csr: Uint8Array, signature: Uint8Array): unknown => thrownBy(() => verifyCsr(csr, decodeCsr(csr, 2), signature));
  const refusal = (reason: string): object => ({ constructor: ServiceError, code: 'INVALID_ARGUMENT', message: `Failed to verify csr signature: ${reason}` });

  it('tells the reasons apart as clients know them (spec/kms.md section 6)', () => {
    const { csr, signature } = signCsr(KEY, CONFIG, hex(''));
    expect(check(Uint8Array.of(...csr, 0), signature)).toMatchObject(refusal('Invalid signature'));
    expect(check(csr, new Uint8Array(0))).toMatchObject(refusal('Invalid signature'));
    const unconfirmed = new ScaleWriter().string('please sign Cert:').raw(csr.subarray(18)).finish();
    expect(check(unconfirmed, KEY.sign(unconfirmed))).toMatchObject(refusal('Invalid confirm word'));
    expect(check(unconfirmed, signature)).toMatchObject(refusal('Invalid signature'));
    const edwards = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' });
    expect(check(encodeCsrV2(edwards, CONFIG, hex('')), signature)).toMatchObject(refusal('Unsupported algorithm'));
    expect(check(encodeCsrV2(hex('010203'), CONFIG, hex('')), signature)).toMatchObject(refusal('Failed to parse pubkey'));
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'der', type: 'spki' });
    expect(check(encodeCsrV2(p384, CONFIG, hex('')), signature)).toMatchObject(refusal('Failed to parse pubkey'));
  });
});

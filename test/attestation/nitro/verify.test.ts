import { encode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCbor } from '../../../src/attestation/nitro/cbor.js';
import { parseNsmDocument } from '../../../src/attestation/nitro/document.js';
import { isDebugEnclave, verifyNsmDocument } from '../../../src/attestation/nitro/verify.js';
import { vendorRoots } from '../../../src/attestation/roots/vendor-roots.js';
import { decodeAttestation } from '../../../src/attestation/wire/decode.js';
import { VerificationError } from '../../../src/errors/verification-error.js';
import { hex, unhex, vector } from '../vectors.js';
import { certify, document, ES384_HEADER, intermediate, leaf, MADE_AT_MS, payload, root, seal } from './forge.js';

const options = { nowMs: MADE_AT_MS, root: root.der };
const code = (expected: string) => expect.objectContaining({ name: 'VerificationError', code: expected });

function realDocument(file: string): Uint8Array {
  const { platform } = decodeAttestation(vector(`nitro/${file}`));
  if (platform.kind !== 'nitro-enclave') throw new Error('not Nitro');
  return platform.nsmQuote;
}

describe('documents of real enclaves', () => {
  it.each([
    ['versioned-v0-app.bin', 1_766_678_659_346, false],
    ['versioned-v0-2.bin', 1_766_668_537_578, false],
    ['versioned-v0-debug.bin', 1_766_650_846_577, true],
  ])('%s', (file, nowMs, debug) => {
    const { document: verified, validUntil } = verifyNsmDocument(realDocument(file), { nowMs, root: vendorRoots().nitroEnclave });
    expect(verified.moduleId).toMatch(/^i-[0-9a-f]{17}-enc/);
    expect(verified.pcrs.size).toBe(16);
    expect(verified.userData).toHaveLength(64);
    expect(verified.nonce).toBeNull();
    expect(isDebugEnclave(verified)).toBe(debug);
    expect(validUntil).toBe(Math.floor((verified.timestampMs + 3_600_000) / 1000));
  });

});

describe('accepted forms', () => {
  const expected = parseNsmDocument(document());
  const ints = (bytes: unknown) => (bytes instanceof Uint8Array ? [...bytes] : bytes);
  const indefinite = (fields: Record<string, unknown>) =>
    Buffer.concat([Uint8Array.of(0xbf), ...Object.entries(fields).flatMap(([key, value]) => [encode(key), encode(value)]), Uint8Array.of(0xff)]);

  it.each([
    ['untagged', document()],
    ['tagged 18', Buffer.concat([Uint8Array.of(0xd2), document()])],
    ['tag 18 in a longer form', Buffer.concat([Uint8Array.of(0xd8, 18), document()])],
    ['an indefinite map', seal(indefinite(payload()))],
    ['byte fields as arrays of integers', document({ certificate: ints(leaf.der), cabundle: [ints(root.der), ints(intermediate.der)], user_data: ints(payload()['user_data']), pcrs: new Map([...(payload()['pcrs'] as Map<number, Uint8Array>)].map(([i, value]) => [i, ints(value)])) })],
    ['unknown keys', document({ more: { a: [1, 'x', null, true, 1.5, -1n] } })],
    ['absent optional fields', document({ public_key: undefined, nonce: undefined })],
    ['another root in the bundle, which is never looked at', document({ cabundle: [leaf.der, intermediate.der] })],
    ['crit naming what is understood', document({}, { header: encode(new Map<number, unknown>([[1, -35], [2, [1, 'alg']]])) })],
  ])('%s', (_, bytes) => {
    const { document: verified } = verifyNsmDocument(bytes, options);
    const { cabundle: _bundle, ...rest } = expected;
    expect(verified).toMatchObject(rest);
  });

  it('PCRs under their NitroTPM name', () => {
    const { pcrs, ...others } = payload();
    expect(verifyNsmDocument(seal(encode({ ...others, nitrotpm_pcrs: pcrs })), options).document.pcrs.size).toBe(32);
  });

  it('empty user data are not absent ones', () => {
    expect(verifyNsmDocument(document({ user_data: new Uint8Array() }), options).document.userData).toEqual(new Uint8Array());
    expect(verifyNsmDocument(document({ user_data: null }), options).document.userData).toBeNull();
  });

  it('nonce and public key are returned', () => {
    const { document: verified } = verifyNsmDocument(document({ nonce: unhex('01'), public_key: unhex('0203') }), options);
    expect([verified.nonce, verified.publicKey].map((bytes) => (bytes === null ? null : hex(bytes)))).toEqual(['01', '0203']);
  });
});

describe('refused, each with its own code', () => {
  const header = (entries: [unknown, unknown][]) => document({}, { header: encode(new Map(entries)) });
  const other = certify('test intermediate', root, { ca: true });
  const expiring = certify('expiring', intermediate, { notAfter: MADE_AT_MS / 1000 - 1 });
  const serverOnly = certify('server', intermediate, { usages: ['1.3.6.1.5.5.7.3.1'] });
  const small = certify('small', intermediate, { curve: 'P-256' });
  const pcrs = (entries: [number, Uint8Array][]) => document({ pcrs: new Map(entries) });

  it.each<[string, Uint8Array, string]>([
    ['an algorithm other than ES384', header([[1, -7]]), 'NSM_ALGORITHM_UNSUPPORTED'],
    ['no algorithm', header([]), 'NSM_ALGORITHM_UNSUPPORTED'],
    ['a critical header', header([[1, -35], [2, [4]]]), 'NSM_CRITICAL_HEADER_UNSUPPORTED'],
    ['a critical header that is no list', header([[1, -35], [2, 1]]), 'NSM_CRITICAL_HEADER_UNSUPPORTED'],
    ['a text key in the header', header([[1, -35], ['x', 1]]), 'NSM_DOCUMENT_MALFORMED'],
    ['trailing bytes in the header', document({}, { header: Uint8Array.of(...ES384_HEADER, 0) }), 'NSM_DOCUMENT_MALFORMED'],
    ['another digest', document({ digest: 'SHA256' }), 'NSM_DIGEST_UNSUPPORTED'],
    ['no PCRs', pcrs([]), 'NSM_PCRS_INVALID'],
    ['a PCR of 32 bytes', pcrs([[0, new Uint8Array(48)], [1, new Uint8Array(32)]]), 'NSM_PCRS_INVALID'],
    ['PCR 32', pcrs([[32, new Uint8Array(48)]]), 'NSM_PCRS_INVALID'],
    ['33 PCRs', pcrs(Array.from({ length: 33 }, (_, i) => [i, new Uint8Array(48)])), 'NSM_PCRS_INVALID'],
    ['a signature by another key', document({}, { key: other.key }), 'NSM_SIGNATURE_INVALID'],
    ['a P-256 leaf', document({ certificate: small.der }, { key: small.key }), 'NSM_SIGNATURE_INVALID'],
    ['an expired leaf', document({ certificate: expiring.der }, { key: expiring.key }), 'CERTIFICATE_EXPIRED'],
    ['a leaf for servers only', document({ certificate: serverOnly.der }, { key: serverOnly.key }), 'EXTENDED_KEY_USAGE_MISSING'],
    ['an intermediate of the same name and another key', document({ cabundle: [root.der, other.der] }), 'CERTIFICATE_SIGNATURE_INVALID'],
    ['a missing intermediate', document({ cabundle: [root.der] }), 'ISSUER_UNKNOWN'],
    ['an empty bundle', document({ cabundle: [] }), 'ISSUER_UNKNOWN'],
    ['an intermediate in place of the leaf', document({ certificate: intermediate.der }, { key: intermediate.key }), 'CA_USED_AS_END_ENTITY'],
    ['a certificate that is none', document({ certificate: unhex('30') }), 'CERTIFICATE_MALFORMED'],
    ['a module id that is no text', document({ module_id: 1 }), 'NSM_DOCUMENT_MALFORMED'],
    ['a negative timestamp', document({ timestamp: -1 }), 'NSM_DOCUMENT_MALFORMED'],
    ['a timestamp beyond 2^53', document({ timestamp: 2n ** 60n }), 'NSM_DOCUMENT_MALFORMED'],
    ['user data that are text', document({ user_data: 'x' }), 'NSM_DOCUMENT_MALFORMED'],
    ['a byte field with 256', document({ user_data: [256] }), 'NSM_DOCUMENT_MALFORMED'],
    ['both names of the PCRs', document({ nitrotpm_pcrs: new Map() }), 'NSM_DOCUMENT_MALFORMED'],
    ['a payload that is no map', seal(encode([1])), 'NSM_DOCUMENT_MALFORMED'],
    ['trailing bytes in the payload', seal(Buffer.concat([encode(payload()), Uint8Array.of(0)])), 'NSM_DOCUMENT_MALFORMED'],
    ['trailing bytes', Buffer.concat([document(), Uint8Array.of(0)]), 'NSM_DOCUMENT_MALFORMED'],
    ['another tag', Buffer.concat([Uint8Array.of(0xd3), document()]), 'NSM_DOCUMENT_MALFORMED'],
    ['an unprotected header that is no map', document({}, { unprotected: [] }), 'NSM_DOCUMENT_MALFORMED'],
    ['an unprotected header with something in it', document({}, { unprotected: new Map([[4, new Uint8Array(1)]]) }), 'NSM_DOCUMENT_MALFORMED'],
    ['tag 18 twice', Buffer.concat([Uint8Array.of(0xd2, 0xd2), document()]), 'NSM_DOCUMENT_MALFORMED'],
    ['more than 64 KiB', document({ more: new Uint8Array(65_536) }), 'NSM_DOCUMENT_MALFORMED'],
    ['nothing', new Uint8Array(), 'NSM_DOCUMENT_MALFORMED'],
  ])('%s', (_, bytes, expected) => {
    expect(() => verifyNsmDocument(bytes, options)).toThrow(code(expected));
  });

  it('another root, though the document carries its own', () => {
    expect(() => verifyNsmDocument(document(), { ...options, root: vendorRoots().nitroEnclave })).toThrow(code('ISSUER_UNKNOWN'));
  });

  it('a key that repeats, in definite and indefinite maps, of payload and PCRs', () => {
    const once = Buffer.from(encode(payload()));
    const more = Buffer.concat([encode('digest'), encode('SHA384')]);
    const definite = Buffer.concat([Uint8Array.of((once[0] ?? 0) + 1), once.subarray(1), more]);
    const open = Buffer.concat([Uint8Array.of(0xbf), once.subarray(1), more, Uint8Array.of(0xff)]);
    for (const encoded of [definite, open]) expect(() => verifyNsmDocument(seal(encoded), options)).toThrow(code('NSM_DOCUMENT_MALFORMED'));
    expect(() => decodeCbor(unhex('a200010002'))).toThrow(code('NSM_DOCUMENT_MALFORMED'));
    expect(() => decodeCbor(unhex('a20001180002'))).toThrow(code('NSM_DOCUMENT_MALFORMED'));
  });
});

describe('freshness', () => {
  it.each([0, 3_600_000, -300_000])('accepted %d ms after it was made', (age) => {
    expect(() => verifyNsmDocument(document(), { ...options, nowMs: MADE_AT_MS + age })).not.toThrow();
  });

  it.each([
    [3_600_001, 'NSM_DOCUMENT_STALE'],
    [-300_001, 'NSM_DOCUMENT_FROM_FUTURE'],
    [Number.NaN, 'NSM_DOCUMENT_STALE'],
  ])('refused %d ms after it was made', (age, expected) => {
    expect(() => verifyNsmDocument(document(), { ...options, nowMs: MADE_AT_MS + age })).toThrow(code(expected));
  });
});

describe('CBOR reader', () => {
  it.each(['9f', '81', '5f', 'bf', 'bf00', '5f6100ff', '5f5f4100ffff', '1c', 'ff', 'f800', 'fc', '62c328', 'a1f600', 'a14000', `${'81'.repeat(20)}00`, '9bffffffffffffffff', 'bbffffffffffffffff', '5bffffffffffffffff'])('refuses %s', (text) => {
    expect(() => decodeCbor(unhex(text))).toThrow(code('NSM_DOCUMENT_MALFORMED'));
  });

  it('agrees with an independent implementation', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.string(), fc.uint8Array().map((bytes) => Uint8Array.from(bytes)), fc.array(tie('any'), { maxLength: 4 })),
    })).any;
    fc.assert(
      fc.property(value, (given) => {
        expect(decodeCbor(encode(given))).toEqual(given);
      }),
    );
  });

  it('survives anything', () => {
    const survives = (bytes: Uint8Array): void => {
      try {
        parseNsmDocument(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(VerificationError);
      }
    };
    const base = document();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), survives), { numRuns: 1000 });
    fc.assert(fc.property(fc.nat(base.length - 1), fc.nat(255), (at, byte) => survives(Uint8Array.from(base, (old, i) => (i === at ? byte : old)))), { numRuns: 1000 });
  });
});

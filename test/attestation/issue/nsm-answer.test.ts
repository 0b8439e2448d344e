import { encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import {
  decodeAttestationAnswer,
  decodeDescribeNsmAnswer,
  decodeDescribePcrAnswer,
  decodeExtendPcrAnswer,
  decodeGetRandomAnswer,
  decodeLockAnswer,
} from '../../../src/attestation/issue/nsm-answer.js';
import { EvidenceSourceError } from '../../../src/errors/evidence-source-error.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const FAILED = expect.objectContaining({ name: EvidenceSourceError.name, code: 'DEVICE_FAILED' });

describe('decodeAttestationAnswer', () => {
  test('takes the document out', () => {
    expect(decodeAttestationAnswer(hex('a16b4174746573746174696f6ea168646f63756d656e7443010203'))).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('hands on the name of the device’s error', () => {
    expect(() => decodeAttestationAnswer(hex('a1654572726f726d496e707574546f6f4c61726765'))).toThrow(/InputTooLarge/);
  });

  test.each([
    ['nothing', ''],
    ['a text', '6b44657363726962654e534d'],
    ['an unknown error name', 'a1654572726f7263594f55'],
    ['a document that is a text', 'a16b4174746573746174696f6ea168646f63756d656e7463616263'],
    ['an empty document', 'a16b4174746573746174696f6ea168646f63756d656e7440'],
    ['an attestation without document', 'a16b4174746573746174696f6ea0'],
    ['another answer', 'a16947657452616e646f6da16672616e646f6d4101'],
    ['bytes behind the answer', 'a16b4174746573746174696f6ea168646f63756d656e744301020300'],
    ['a cut answer', 'a16b4174746573746174696f6ea168646f63756d656e744301'],
    ['endless nesting', '81'.repeat(5000)],
  ])('refuses %s', (_, answer) => {
    let error: unknown = null;
    try {
      decodeAttestationAnswer(hex(answer));
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(EvidenceSourceError);
    expect(error).toMatchObject({ code: 'DEVICE_FAILED' });
  });
});

const described = { version_major: 1, version_minor: 2, version_patch: 65_535, module_id: 'i-1-enc2', max_pcrs: 32, locked_pcrs: [0, 31], digest: 'SHA384' };
const pcr = new Uint8Array(48).fill(7);

describe('what the module answers', () => {
  test('about itself', () => {
    expect(decodeDescribeNsmAnswer(encode({ DescribeNSM: described }))).toEqual({ version: [1, 2, 65_535], moduleId: 'i-1-enc2', maxPcrs: 32, lockedPcrs: [0, 31], digest: 'SHA384' });
  });

  test.each([
    { version_major: 65_536 },
    { version_minor: -1 },
    { version_patch: 1.5 },
    { module_id: 7 },
    { module_id: 'x'.repeat(257) },
    { max_pcrs: '32' },
    { locked_pcrs: [70_000] },
    { locked_pcrs: {} },
    { locked_pcrs: ['0'] },
    { digest: 'MD5' },
    { digest: 'toString' },
    { digest: null },
  ])('about itself, but not %j', (wrong) => {
    expect(() => decodeDescribeNsmAnswer(encode({ DescribeNSM: { ...described, ...wrong } }))).toThrow(FAILED);
  });

  test('to a request for random bytes', () => {
    expect(decodeGetRandomAnswer(encode({ GetRandom: { random: pcr } }))).toEqual(pcr);
    for (const random of [new Uint8Array(), new Uint8Array(1025), 'text', null]) expect(() => decodeGetRandomAnswer(encode({ GetRandom: { random } }))).toThrow(FAILED);
  });

  test('about a register', () => {
    for (const lock of [true, false]) expect(decodeDescribePcrAnswer(encode({ DescribePCR: { lock, data: pcr } }))).toEqual({ locked: lock, value: pcr });
    for (const lock of [null, 1, 'true', undefined]) expect(() => decodeDescribePcrAnswer(encode({ DescribePCR: { lock, data: pcr } }))).toThrow(FAILED);
    for (const data of [new Uint8Array(47), new Uint8Array(65), 'text', null]) expect(() => decodeDescribePcrAnswer(encode({ DescribePCR: { lock: true, data } }))).toThrow(FAILED);
  });

  test('to an extension', () => {
    expect(decodeExtendPcrAnswer(encode({ ExtendPCR: { data: pcr } }))).toEqual(pcr);
    expect(() => decodeExtendPcrAnswer(encode({ DescribePCR: { data: pcr } }))).toThrow(FAILED);
    expect(() => decodeExtendPcrAnswer(encode({ Error: 'ReadOnlyIndex' }))).toThrow(/ReadOnlyIndex/);
  });

  test('to a lock', () => {
    decodeLockAnswer(encode('LockPCR'), 'LockPCR');
    decodeLockAnswer(encode('LockPCRs'), 'LockPCRs');
    expect(() => decodeLockAnswer(encode('LockPCRs'), 'LockPCR')).toThrow(FAILED);
    expect(() => decodeLockAnswer(encode({ Error: 'InvalidIndex' }), 'LockPCR')).toThrow(/InvalidIndex/);
  });
});

import { describe, expect, test } from 'vitest';
import { encodeNsmCommand, type NsmCommand } from '../../../src/attestation/issue/nsm-message.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

describe('encodeNsmCommand', () => {
  // The examples of spec/attestation.md section 1.6.
  const examples: readonly (readonly [NsmCommand, string])[] = [
    [{ kind: 'DescribeNSM' }, '6b44657363726962654e534d'],
    [{ kind: 'GetRandom' }, '6947657452616e646f6d'],
    [{ kind: 'DescribePCR', index: 0 }, 'a16b4465736372696265504352a165696e64657800'],
    [{ kind: 'ExtendPCR', index: 16, data: hex('01') }, 'a169457874656e64504352a265696e6465781064646174614101'],
    [{ kind: 'LockPCR', index: 16 }, 'a1674c6f636b504352a165696e64657810'],
    [{ kind: 'LockPCRs', range: 17 }, 'a1684c6f636b50435273a16572616e676511'],
    [
      { kind: 'Attestation', userData: hex('aaaaaaaa'), nonce: null, publicKey: null },
      'a16b4174746573746174696f6ea369757365725f6461746144aaaaaaaa656e6f6e6365f66a7075626c69635f6b6579f6',
    ],
  ];
  test.each(examples)('%j', (command, expected) => {
    expect(Buffer.from(encodeNsmCommand(command)).toString('hex')).toBe(expected);
  });

  test('lengths take the shortest form', () => {
    const user = (length: number): string => Buffer.from(encodeNsmCommand({ kind: 'Attestation', userData: new Uint8Array(length), nonce: null, publicKey: null })).toString('hex', 24, 28);
    expect([user(0), user(23), user(24), user(255), user(256), user(512)].map((text) => text.slice(0, 6))).toEqual(['40656e', '570000', '581800', '58ff00', '590100', '590200']);
  });

  test('the largest arguments fit a request', () => {
    const command = encodeNsmCommand({ kind: 'Attestation', userData: new Uint8Array(512), nonce: new Uint8Array(512), publicKey: new Uint8Array(1024) });
    expect(command.length).toBeLessThanOrEqual(4096);
  });
});

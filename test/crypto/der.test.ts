import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitStringBytes, children, DerError, expectTag, oidText, readDer, readTlv, TAG, unixTime } from '../../src/crypto/der.js';
import type { DerNode } from '../../src/crypto/der.js';
import { bitString, boolean, contextConstructed, contextPrimitive, integer, octetString, oid, sequence, set, time, tlv, utf8String } from '../../src/crypto/der-write.js';
import { ascii, fill, hex, thrownBy, toHex } from './bytes.js';

const refused = (run: () => unknown): void => expect(thrownBy(run)).toMatchObject({ constructor: DerError, code: 'DER_MALFORMED' });
const utc = (text: string): DerNode => readDer(tlv(TAG.utcTime, ascii(text)));
const general = (text: string): DerNode => readDer(tlv(TAG.generalizedTime, ascii(text)));

describe('readTlv', () => {
  it.each([0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000])('reads a value of %d bytes at an offset, and hands out views', (length) => {
    const bytes = Uint8Array.of(0xee, ...tlv(TAG.octetString, fill(length, 7)), 0xee);
    const node = readTlv(bytes, 1);
    expect(node.value).toHaveLength(length);
    expect(node.raw.buffer).toBe(bytes.buffer);
    expect(node.raw).toHaveLength(bytes.length - 2);
  });

  it.each(['', '30', '3001', '308100', '30817f00', '3080', '30820080', '3085000000000100', '1f0100', '3f8100', '30820100', '3084ffffffff', '3081'])('refuses %s', (text) => {
    refused(() => readTlv(hex(text)));
  });

  it('refuses trailing bytes and another tag when one TLV is wanted', () => {
    refused(() => readDer(hex('050000')));
    refused(() => readDer(hex('0500'), TAG.sequence));
    expect(readDer(hex('0500'), TAG.null).value).toHaveLength(0);
  });
});

describe('children', () => {
  it('reads all, in order, and bounds the count', () => {
    const node = readDer(sequence(integer(1), boolean(true), octetString(hex('aa'))));
    expect(children(node).map(({ tag }) => tag)).toEqual([TAG.integer, TAG.boolean, TAG.octetString]);
    expect(children(node, 3)).toHaveLength(3);
    refused(() => children(node, 2));
    refused(() => children(readDer(octetString(sequence()))));
    refused(() => children(readDer(hex('30020201'))));
  });
});

describe('expectTag', () => {
  it('refuses what is missing or different', () => {
    refused(() => expectTag(undefined, TAG.integer));
    refused(() => expectTag(readDer(integer(1)), TAG.oid));
  });
});

describe('object identifiers', () => {
  it.each([
    ['1.2.840.10045.2.1', '06072a8648ce3d0201'],
    ['1.3.6.1.4.1.62397.1.8', '060a2b0601040183e73d0108'],
    ['2.5.29.15', '0603551d0f'],
    ['0.0', '060100'],
    ['1.39', '06014f'],
    ['2.999.3', '0603883703'],
  ])('%s is %s both ways', (dotted, der) => {
    expect(toHex(oid(dotted))).toBe(der);
    expect(oidText(readDer(hex(der)))).toBe(dotted);
  });

  it.each(['0600', '06022a86', '060180', '06042a800101', `0609${'ff'.repeat(8)}7f`, `0641${'01'.repeat(65)}`, '020100'])('refuses %s', (der) => {
    refused(() => oidText(readDer(hex(der))));
  });
});

describe('bitStringBytes', () => {
  it('reads whole octets alone', () => {
    expect(toHex(bitStringBytes(readDer(bitString(hex('aabb')))))).toBe('aabb');
    refused(() => bitStringBytes(readDer(bitString(hex('aa00'), 7))));
    refused(() => bitStringBytes(readDer(hex('0300'))));
    refused(() => bitStringBytes(readDer(octetString(hex('00')))));
  });
});

describe('times', () => {
  it.each([
    [utc('500101000000Z'), Date.UTC(1950, 0, 1)],
    [utc('491231235959Z'), Date.UTC(2049, 11, 31, 23, 59, 59)],
    [utc('750101000000Z'), Date.UTC(1975, 0, 1)],
    [general('20500101000000Z'), Date.UTC(2050, 0, 1)],
    [general('00500101000000Z'), new Date('0050-01-01T00:00:00Z').getTime()],
    [general('20240229120000Z'), Date.UTC(2024, 1, 29, 12)],
  ])('are read (%#)', (node, milliseconds) => {
    expect(unixTime(node)).toBe(milliseconds / 1000);
  });

  it.each(['20230229000000Z', '20230431000000Z', '20230100000000Z', '20231301000000Z', '20230101240000Z', '20230101006000Z', '20230101000060Z', '20230101000000', '202301010000Z', '20230101000000.5Z', '20230101000000+0100', ''])(
    'are refused: %j',
    (text) => {
      refused(() => unixTime(general(text)));
    },
  );

  it('are refused in the other type, and in no time type at all', () => {
    refused(() => unixTime(utc('20230101000000Z')));
    refused(() => unixTime(general('230101000000Z')));
    refused(() => unixTime(readDer(octetString(ascii('230101000000Z')))));
  });

  it('are written so that they read back, whole seconds, in the type RFC 5280 wants', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), (seconds) => {
        const node = readDer(time(seconds));
        expect(unixTime(node)).toBe(seconds);
        const year = new Date(seconds * 1000).getUTCFullYear();
        expect(node.tag).toBe(year >= 1950 && year <= 2049 ? TAG.utcTime : TAG.generalizedTime);
      }),
    );
    expect(unixTime(readDer(time(1.9)))).toBe(1);
  });

  it.each([253_402_300_800, -62_135_596_801, Number.NaN, Infinity, 2 ** 60])('are not written when no type can hold them: %d', (seconds) => {
    refused(() => time(seconds));
  });
});

describe('writing', () => {
  it.each([
    [integer(0), '020100'],
    [integer(127), '02017f'],
    [integer(128), '02020080'],
    [integer(65536), '0203010000'],
    [integer(hex('00007f')), '02017f'],
    [integer(hex('0080')), '02020080'],
    [integer(new Uint8Array(0)), '020100'],
    [boolean(false), '010100'],
    [set(utf8String('ä')), '31040c02c3a4'],
    [contextConstructed(3, integer(1)), 'a303020101'],
    [contextPrimitive(2, ascii('a')), '820161'],
    [bitString(hex('8000'), 7), '0303078000'],
  ])('is minimal (%#)', (bytes, expected) => {
    expect(toHex(bytes)).toBe(expected);
  });
});

/** Reads everything there is to read in `bytes`, as deep as it goes. */
function walk(bytes: Uint8Array, depth = 0): void {
  const node = readDer(bytes);
  if (node.tag === TAG.oid) oidText(node);
  if (node.tag === TAG.utcTime || node.tag === TAG.generalizedTime) unixTime(node);
  if (node.tag === TAG.bitString) bitStringBytes(node);
  if ((node.tag & 0x20) !== 0 && depth < 8) for (const child of children(node, 64)) walk(child.raw, depth + 1);
}

describe('any bytes', () => {
  const onlyDerErrors = (bytes: Uint8Array): void => {
    try {
      walk(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(DerError);
    }
  };

  it('are read or refused with a DerError', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), onlyDerErrors), { numRuns: 2000 });
  });

  it('that were DER before a byte was changed are, too', () => {
    const good = sequence(oid('1.2.840.10045.4.3.2'), time(0), time(2_600_000_000), set(bitString(hex('aa'))), sequence(sequence(integer(5))), octetString(fill(200, 1)));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const changed = good.slice();
        changed[at] = byte;
        onlyDerErrors(changed);
      }),
      { numRuns: 2000 },
    );
  });

  it('wrapped in a header read back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (value) => {
        expect(readDer(octetString(value)).value).toEqual(value);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScaleError, ScaleReader } from '../../src/crypto/scale.js';
import { ScaleWriter } from '../../src/crypto/scale-write.js';
import { messageChain } from '../../src/errors/base.js';
import { hex, thrownBy, toHex } from './bytes.js';

const refused = (run: () => unknown): void => expect(thrownBy(run)).toMatchObject({ constructor: ScaleError, code: 'SCALE_MALFORMED' });
const reader = (text: string): ScaleReader => new ScaleReader(hex(text));

describe('compact integers', () => {
  it.each([
    [0, '00'],
    [1, '04'],
    [63, 'fc'],
    [64, '0101'],
    [16383, 'fdff'],
    [16384, '02000100'],
    [2 ** 30 - 1, 'feffffff'],
    [2 ** 30, '0300000040'],
    [2 ** 32 - 1, '03ffffffff'],
  ])('%d is %s both ways', (value, encoded) => {
    expect(toHex(new ScaleWriter().compact(value).finish())).toBe(encoded);
    const encodedReader = reader(encoded);
    expect(encodedReader.compact()).toBe(value);
    encodedReader.end();
  });

  it.each(['0100', 'fd00', '02000000', 'feff0000', '03ffffff3f', '0300000000', '0700000040', 'ff', '01', '020000', '03000000', ''])('%s is refused', (encoded) => {
    refused(() => reader(encoded).compact());
  });

  it('above 32 bits, negative or broken are not written', () => {
    for (const value of [2 ** 32, -1, 0.5, Number.NaN]) refused(() => new ScaleWriter().compact(value));
  });
});

describe('ScaleReader', () => {
  it('reads every primitive', () => {
    const all = reader(['01', '0200', '03000000', '0400000000000080', '01', '00', '08aabb', '0cc3a462', '00', '0107', '080102', 'ff'].join(''));
    expect([all.u8(), all.u16(), all.u32(), all.u64(), all.bool(), all.bool()]).toEqual([1, 2, 3, 0x8000_0000_0000_0004n, true, false]);
    expect(toHex(all.bytes(2))).toBe('aabb');
    expect(all.string(3)).toBe('äb');
    expect(all.option((r) => r.u8())).toBeNull();
    expect(all.option((r) => r.u8())).toBe(7);
    expect(all.vector(2, (r) => r.u8())).toEqual([1, 2]);
    refused(() => all.end());
    expect(all.remaining).toBe(1);
    expect(toHex(all.rest())).toBe('ff');
    all.end();
    expect(all.rest()).toHaveLength(0);
  });

  it.each([
    ['a short integer', (): unknown => reader('000000').u32()],
    ['a boolean of 2', (): unknown => reader('02').bool()],
    ['an option of 2', (): unknown => reader('02').option((r) => r.u8())],
    ['bytes beyond the input', (): unknown => reader('08aa').bytes(10)],
    ['bytes beyond the limit', (): unknown => reader('08aabb').bytes(1)],
    ['text that is not UTF-8', (): unknown => reader('04ff').string(10)],
    ['a surrogate in UTF-8', (): unknown => reader('0ceda080').string(10)],
    ['too many items', (): unknown => reader('0c010203').vector(2, (r) => r.u8())],
    ['items beyond the input', (): unknown => reader('0c01').vector(9, (r) => r.u8())],
    ['a count of four thousand million over nothing', (): unknown => reader('03ffffffff').bytes(2 ** 32)],
  ])('refuses %s', (_, run) => {
    refused(run);
  });

  it('names the field a mistake is in, one inside the other', () => {
    const error = thrownBy(() => reader('ff').field('Request::config', (r) => r.field('Config::subject', () => r.u32())));
    expect(error).toBeInstanceOf(ScaleError);
    expect(messageChain(error)).toBe(
      'Could not decode `Request::config`:\n\tCould not decode `Config::subject`:\n\t\tNot enough data to fill buffer\n: Could not decode `Config::subject`:\n\tNot enough data to fill buffer\n: Not enough data to fill buffer',
    );
    const other = new TypeError('of another kind');
    expect(
      thrownBy(() =>
        reader('').field('Request::config', () => {
          throw other;
        }),
      ),
    ).toBe(other);
  });
});

describe('ScaleWriter', () => {
  it('writes what the reader reads', () => {
    const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'grapheme', maxLength: 80 }), fc.option(u64), fc.array(fc.boolean(), { maxLength: 100 }), (bytes, text, time, flags) => {
        const written = new ScaleWriter()
          .bytes(bytes)
          .string(text)
          .option(time, (w, value) => w.u64(value))
          .vector(flags, (w, flag) => w.bool(flag))
          .u16(513)
          .raw(bytes)
          .finish();
        const back = new ScaleReader(written);
        expect(back.bytes(300)).toEqual(bytes);
        expect(back.string(4000)).toBe(text);
        expect(back.option((r) => r.u64())).toBe(time);
        expect(back.vector(100, (r) => r.bool())).toEqual(flags);
        expect(back.u16()).toBe(513);
        expect(back.rest()).toEqual(bytes);
      }),
    );
  });

  it('refuses values its types cannot hold', () => {
    for (const run of [() => new ScaleWriter().u8(256), () => new ScaleWriter().u16(-1), () => new ScaleWriter().u64(2n ** 64n), () => new ScaleWriter().u64(-1n), () => new ScaleWriter().u32(1.5)]) refused(run);
  });
});

describe('any bytes', () => {
  it('are read or refused with a ScaleError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          const any = new ScaleReader(bytes);
          any.vector(4, (r) => r.option((inner) => inner.string(16)));
          any.bytes(16);
          any.u64();
          any.bool();
          any.end();
        } catch (error) {
          expect(error).toBeInstanceOf(ScaleError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

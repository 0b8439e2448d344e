// The engine itself: it notices what it is there to notice.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { minimise, readCorpus, replaceCorpus, writeInput } from '../../fuzz/engine/corpus.js';
import { mutateDer } from '../../fuzz/engine/der-mutator.js';
import { execute } from '../../fuzz/engine/execute.js';
import { instrument } from '../../fuzz/engine/instrument.js';
import { mutate } from '../../fuzz/engine/mutate.js';
import { createRandom } from '../../fuzz/engine/random.js';
import { openSlot, slotMemory } from '../../fuzz/engine/slot.js';
import { PropertyError, type Target } from '../../fuzz/engine/target.js';
import { readDer } from '../../src/crypto/der.js';
import { sequence, tlv } from '../../src/crypto/der-write.js';
import { VerificationError } from '../../src/errors/verification-error.js';

const targetOf = (run: Target['run']): Target => ({ maxLength: 64, refusals: new Set(['QUOTE_MALFORMED']), dictionary: [], mutators: [], run });
const outcomeOf = (error: unknown): string =>
  execute(
    targetOf(() => {
      throw error;
    }),
    new Uint8Array(),
  ).kind;

describe('an outcome', () => {
  it('is a refusal for the documented codes alone', () => {
    expect(outcomeOf(new VerificationError('QUOTE_MALFORMED', 'x'))).toBe('refused');
    expect(outcomeOf(new VerificationError('CRL_MALFORMED', 'x'))).toBe('finding');
    expect(outcomeOf(new RangeError('x'))).toBe('finding');
    expect(outcomeOf(new PropertyError('x'))).toBe('finding');
    expect(outcomeOf('text')).toBe('finding');
    expect(execute(targetOf(() => {}), new Uint8Array()).kind).toBe('accepted');
  });
});

describe('instrumented code', () => {
  it('does what it did, and counts each way it goes', () => {
    globalThis.fuzzEdges = new Uint32Array(1 << 10);
    globalThis.fuzzLiterals = [];
    globalThis.fuzzEdgeCount = 0;
    const source = `const f = (n) => { if (n > 2) return 'big'; else if (n === 0) { n = n || 5; } for (const x of [1, 2]) n += x; switch (n) { case 8: return 'eight'; default: } return n ? \`\${n}\` : { none: true }; }; return f;`;
    const body = instrument(`export function outer() { ${source} }`).replace('export ', '');
    const f = (new Function(`${body}; return outer();`) as () => (n: number) => unknown)();
    expect([f(3), f(0), f(1), f(-3)]).toEqual(['big', 'eight', '4', { none: true }]);
    const counts = [...globalThis.fuzzEdges].filter((count) => count > 0);
    expect(counts.length).toBeGreaterThanOrEqual(9);
    expect(Math.max(...counts)).toBe(6);
    expect(globalThis.fuzzLiterals).toContain('eight');
  });
});

describe('mutations', () => {
  it('are the same for the same seed, and never too long', () => {
    const series = (seed: number): string[] => {
      const random = createRandom(seed);
      const mutants = { target: targetOf(() => {}), dictionary: [Buffer.from('word')], other: () => Buffer.from('other document') };
      return Array.from({ length: 500 }, () => Buffer.from(mutate(Buffer.from('a document of some length'), random, mutants)).toString('hex'));
    };
    expect(series(1)).toEqual(series(1));
    expect(series(1)).not.toEqual(series(2));
    expect(series(3).every((hex) => hex.length <= 128)).toBe(true);
  });

  it('of DER keep lengths right', () => {
    const der = sequence(tlv(4, Buffer.alloc(200, 1)), sequence(tlv(2, Uint8Array.of(1)), tlv(12, Buffer.from('text'))));
    const random = createRandom(7);
    const changed = Array.from({ length: 200 }, () => mutateDer(der, random) ?? new Uint8Array());
    expect(changed.every((bytes) => readDer(bytes).raw.length === bytes.length)).toBe(true);
    expect(new Set(changed.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBeGreaterThan(20);
  });
});

describe('a corpus', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dstack-fuzz-'));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('keeps the smallest inputs that take every branch, beside the kept files', () => {
    const taken = new Set<number>();
    const adds = (input: Uint8Array): boolean => {
      const before = taken.size;
      for (const byte of input) taken.add(byte);
      return taken.size > before;
    };
    const kept = minimise([Uint8Array.of(1, 2, 3), Uint8Array.of(1), Uint8Array.of(2, 1)], adds);
    expect(kept).toEqual([Uint8Array.of(1), Uint8Array.of(2, 1), Uint8Array.of(1, 2, 3)]);
    writeInput(folder, Uint8Array.of(9));
    replaceCorpus(folder, kept);
    expect(readCorpus(folder).map(({ bytes }) => bytes.length).sort()).toEqual([1, 2, 3]);
  });
});

describe('a slot', () => {
  it('shows the other side what is running', () => {
    const memory = slotMemory(16);
    const [runner, watcher] = [openSlot(memory), openSlot(memory)];
    expect(watcher.running()).toBeNull();
    runner.begin(Uint8Array.of(1, 2));
    expect(watcher.running()).toEqual({ number: 1, input: Uint8Array.of(1, 2) });
    runner.end();
    expect(watcher.running()).toBeNull();
    expect(watcher.count()).toBe(1);
  });
});

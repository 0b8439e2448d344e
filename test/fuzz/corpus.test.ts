// Every committed input through its target: what a fuzzer once found stays fixed, and every target still takes what it was given.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCorpus } from '../../fuzz/engine/corpus.js';
import { execute } from '../../fuzz/engine/execute.js';
import type { Target } from '../../fuzz/engine/target.js';

const folder = (name: string): string => fileURLToPath(new URL(`../../fuzz/${name}`, import.meta.url));
const names = readdirSync(folder('targets')).map((file) => file.replace(/\.ts$/, ''));

it('every corpus has a target', () => {
  expect(readdirSync(folder('corpus')).sort()).toEqual([...names].sort());
});

describe.each(names)('%s', async (name) => {
  const { target } = (await import(`../../fuzz/targets/${name}.ts`)) as { readonly target: Target };
  const files = readCorpus(folder(`corpus/${name}`));

  it('accepts or refuses every input, for a documented reason', () => {
    const outcomes = files.map((file) => ({ name: file.name, outcome: execute(target, file.bytes) }));
    expect(outcomes.filter(({ outcome }) => outcome.kind === 'finding')).toEqual([]);
  });

  it('accepts the recorded documents', () => {
    const seeds = files.filter((file) => file.name.startsWith('seed-'));
    expect(seeds.length).toBeGreaterThan(0);
    expect(seeds.filter(({ bytes }) => execute(target, bytes).kind !== 'accepted').map((file) => file.name)).toEqual([]);
  });

  it('refuses what it has to refuse', () => {
    const refused = files.filter((file) => file.name.startsWith('refused-'));
    expect(refused.filter(({ bytes }) => execute(target, bytes).kind !== 'refused').map((file) => file.name)).toEqual([]);
  });

  it('keeps its corpus small', () => {
    expect(files.length).toBeLessThanOrEqual(100);
    expect(files.every(({ bytes }) => bytes.length <= target.maxLength)).toBe(true);
  });
});

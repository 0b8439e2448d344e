// Mistakes planted in small targets: the fuzzer finds each of them by itself, and keeps the input.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readCorpus } from '../../fuzz/engine/corpus.js';
import { slotMemory } from '../../fuzz/engine/slot.js';
import type * as Supervise from '../../fuzz/engine/supervise.js';

// The compiled one: its thread loads compiled modules.
const built = new URL('../../dist/fuzz/engine/supervise.js', import.meta.url).href;
const { supervise } = (await import(built)) as typeof Supervise;

const folder = mkdtempSync(join(tmpdir(), 'dstack-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Fuzzes a planted target from a corpus of one document that is nearly the one it falls over. */
async function fuzz(name: string, durationMs: number): Promise<{ readonly text: string; readonly inputs: readonly string[]; readonly executions: number }> {
  const corpus = join(folder, name, 'corpus');
  const findings = join(folder, name, 'findings');
  mkdirSync(corpus, { recursive: true });
  writeFileSync(join(corpus, 'seed-document'), 'Ydocument');
  const target = pathToFileURL(join(import.meta.dirname, 'planted', `${name}.mjs`)).href;
  const result = await supervise({ target, corpus, findings, seed: 1, durationMs, hangMs: 1500, memory: slotMemory(64), update: false });
  const inputs = readCorpus(findings).map((file) => readFileSync(join(findings, file.name), 'latin1'));
  return { text: result.findings.join('\n'), inputs, executions: result.summary?.executions ?? 0 };
}

describe('a fuzzer', () => {
  it('finds an error that is not a documented one', async () => {
    const { text, inputs, executions } = await fuzz('crash', 1500);
    expect(text).toContain('TypeError');
    expect(inputs[0]).toMatch(/^X/);
    // It goes on after a finding, and reports one cause once.
    expect(inputs).toHaveLength(1);
    expect(executions).toBeGreaterThan(100);
  });

  it('finds an input that does not come back', async () => {
    const { text, inputs } = await fuzz('hang', 60_000);
    expect(text).toContain('no answer within 1500 ms');
    expect(inputs[0]).toMatch(/^X/);
  });

  it('finds memory that is kept', async () => {
    expect((await fuzz('leak', 3000)).text).toContain('live memory grew');
  });

  it('finds an input that takes all memory', async () => {
    const { text, inputs } = await fuzz('exhaust', 60_000);
    expect(text).toMatch(/the thread died|no answer within/);
    expect(inputs[0]).toMatch(/^X/);
  });

  it('finds nothing where nothing is', async () => {
    const { text, inputs, executions } = await fuzz('sound', 1000);
    expect({ text, inputs }).toEqual({ text: '', inputs: [] });
    expect(executions).toBeGreaterThan(100);
  });
});

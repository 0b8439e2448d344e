import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FixtureSimulator, startFixtureSimulator } from '../../src/app/simulator-command.js';
import { FIXTURE_DIR } from '../guest-agent/fixture.js';
import { exchangeRaw, type RecordedExchange, recordedExchanges, requestBytes, type WireAnswer } from './wire-recording.js';

/** Where both quotes hold their report data (TDX quote version 4). */
const REPORT_DATA = { from: 568 * 2, to: 632 * 2 };

/** The host's interface is not served by this release. */
const SERVED = recordedExchanges().filter(({ sock }) => sock !== 'guest');

const directory = mkdtempSync(join(tmpdir(), 'replay-'));
let simulator: FixtureSimulator;

beforeAll(async () => {
  simulator = await startFixtureSimulator({ fixtureDir: fileURLToPath(FIXTURE_DIR), listenDir: directory });
});

afterAll(async () => {
  await simulator.stop(1000);
  rmSync(directory, { recursive: true });
});

describe('exchanges recorded from the existing guest agent', () => {
  it('are all there', () => {
    const count = (sock: string): number => SERVED.filter((exchange) => exchange.sock === sock).length;
    expect([count('dstack'), count('tappd'), count('external')]).toEqual([152, 45, 6]);
  });

  it.each(SERVED.map((exchange) => [`${exchange.sock} ${exchange.id}`, exchange] as const))('%s', async (_name, exchange) => {
    const answer = await exchangeRaw(join(directory, `${exchange.sock}.sock`), requestBytes(exchange));
    expect(answer.status).toBe(exchange.status);
    if (exchange.rule === 'status') return;
    expect(answer.contentType).toBe(exchange.answer_type);
    compare(exchange, answer, Buffer.from(exchange.answer_hex, 'hex'));
  });
});

function compare(exchange: RecordedExchange, answer: WireAnswer, recorded: Buffer): void {
  const isJson = exchange.answer_type === 'application/json';
  switch (exchange.rule) {
    case 'exact':
      expect(answer.body.toString('hex')).toBe(recorded.toString('hex'));
      break;
    case 'shape':
      // Binary answers under this rule hold nothing but masked strings.
      if (isJson) compareShape(exchange, json(answer.body), json(recorded));
      else expect(answer.body.length).toBeGreaterThan(0);
      break;
    case 'text':
      expect(json(answer.body)['error']).toBe(json(recorded)['error']);
      break;
    case 'error':
      expect(json(answer.body)['error']).toEqual(expect.stringMatching(/./));
      break;
    case 'status':
      break;
  }
}

function compareShape({ mask }: RecordedExchange, answer: Record<string, unknown>, recorded: Record<string, unknown>): void {
  expect(Object.keys(answer)).toEqual(Object.keys(recorded));
  for (const [key, value] of Object.entries(recorded)) {
    if (!mask.includes(key)) expect({ [key]: answer[key] }).toEqual({ [key]: value });
    else expect(typeof answer[key]).toBe(typeof value);
  }
  if (mask.includes('quote')) expect(reportData(answer['quote'])).toBe(reportData(recorded['quote']));
}

const json = (body: Buffer): Record<string, unknown> => JSON.parse(body.toString('utf8')) as Record<string, unknown>;
const reportData = (quote: unknown): string => String(quote).slice(REPORT_DATA.from, REPORT_DATA.to);

import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseQuote } from '../../attestation/tdx/quote.js';
import { runVerify } from '../verify-command.js';
import { type Check, CheckFailed, expectEqual, expectPrpcRefusal, expectTrue, success } from './checks.js';
import type { Client } from './http.js';
import { MACHINE_KINDS } from './platforms.js';
import type { Workspace } from './workspace.js';

/** Report data of the documented examples, hex. */
export const CHALLENGE = '1234deadbeef';

/** The evidence calls of the guest agent: each answers on the platforms that have it, and on the others says what to call. */
export function evidenceChecks(client: Client, workspace: Workspace): readonly Check[] {
  const { quotes, variant } = MACHINE_KINDS[workspace.platform];
  const attest: Check = { name: 'POST /Attest: an attestation that dstack verify accepts', run: () => attestation(client, workspace) };
  const document: Check =
    variant === 'dstack-nitro-enclave'
      ? { name: 'GET /GetAttestation: base64 document that dstack verify accepts', run: () => nsmDocument(client, workspace) }
      : { name: 'GET /GetAttestation names the platform and the call to use', run: () => refusal(client, `/GetAttestation?user_data=0x${CHALLENGE}`, 'Attest') };
  if (quotes === 'none') {
    return [{ name: 'GET /GetQuote names the platform and the call to use', run: () => refusal(client, `/GetQuote?report_data=0x${CHALLENGE}`, 'Attest') }, document, attest];
  }
  return [
    { name: 'GET /GetQuote: base64 quote that dstack verify accepts, RTMRs read from it', run: () => documentedQuote(client, workspace) },
    { name: 'POST /GetQuote in hex', run: () => hexQuote(client) },
    { name: 'EmitEvent extends RTMR3', run: () => emitEvent(client) },
    document,
    attest,
  ];
}

async function documentedQuote(client: Client, workspace: Workspace): Promise<void> {
  const answer = success(await client.get(`/GetQuote?report_data=0x${CHALLENGE}`));
  const quote = Buffer.from(String(answer['quote']), 'base64');
  const { report } = parseQuote(quote);
  if (!('rtmrs' in report)) throw new CheckFailed('the quote holds no TD report');
  for (const [i, rtmr] of report.rtmrs.entries()) expectEqual(answer[`rtmr${i}`], Buffer.from(rtmr).toString('hex'), `rtmr${i}`);
  expectEqual(answer['report_data'], CHALLENGE.padEnd(128, '0'), 'report_data');
  await verifiedByCommand(quote, workspace);
}

async function nsmDocument(client: Client, workspace: Workspace): Promise<void> {
  const padded = CHALLENGE.padEnd(128, '0');
  const { document } = success(await client.get(`/GetAttestation?user_data=0x${padded}&nonce=0x0102`));
  await verifiedByCommand(Buffer.from(String(document), 'base64'), workspace);
}

async function attestation(client: Client, workspace: Workspace): Promise<void> {
  const { attestation: hex } = success(await client.post('/Attest', { report_data: CHALLENGE }));
  await verifiedByCommand(Buffer.from(String(hex), 'hex'), workspace);
}

async function verifiedByCommand(evidence: Buffer, { directory, paths }: Workspace): Promise<void> {
  const file = join(directory, 'evidence.bin');
  writeFileSync(file, evidence);
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const options = { file, collateral: paths.collateral, at: null, roots: Object.values(paths.rootCa), reportData: CHALLENGE, json: true };
  const status = await runVerify(options, { readFile, now: () => Date.now() / 1000, out: say, err: () => undefined });
  if (status !== 0) throw new CheckFailed(`dstack verify refuses the evidence: ${lines.join(' ')}`);
}

async function refusal(client: Client, path: string, instead: string): Promise<void> {
  const answer = await client.get(path);
  expectPrpcRefusal(answer, 'UNSUPPORTED_PLATFORM');
  expectTrue(answer.text.includes(instead), `the error does not name ${instead}`);
}

async function hexQuote(client: Client): Promise<void> {
  const quote = success(await client.post('/GetQuote', { report_data: CHALLENGE }));
  expectEqual(quote['report_data'], CHALLENGE.padEnd(128, '0'), 'report_data');
  expectTrue(String(quote['quote']).startsWith('0400'), 'quote is not version 4 in hex');
}

async function emitEvent(client: Client): Promise<void> {
  const rtmr3 = async (): Promise<unknown> => success(await client.get('/GetQuote'))['rtmr3'];
  const before = await rtmr3();
  expectEqual((await client.post('/EmitEvent', { event: 'example', payload: '00ff' })).text, 'null', 'answer');
  expectTrue((await rtmr3()) !== before, 'RTMR3 did not change');
}

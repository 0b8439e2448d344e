import { decodeAttestation } from '../../attestation/wire/decode.js';
import { parseQuote } from '../../attestation/tdx/quote.js';
import { type Check, CheckFailed, expectEqual, expectPrpcRefusal, expectTrue, success } from './checks.js';
import type { Client } from './http.js';
import { CHALLENGE, MACHINE_KINDS } from './platforms.js';
import { acceptedByCommand, refusedByCommand } from './verify-evidence.js';
import type { Workspace } from './workspace.js';

/** The evidence calls of the guest agent: each answers on the platforms that have it, and on the others says what to call. */
export function evidenceChecks(client: Client, workspace: Workspace): readonly Check[] {
  const { quotes, variant } = MACHINE_KINDS[workspace.platform];
  const attest: readonly Check[] = [
    { name: 'POST /Attest: an attestation that dstack verify accepts', run: () => attestation(client, workspace) },
    { name: 'dstack verify refuses it under the vendors\' roots', run: async () => refusedByCommand(await attested(client), workspace) },
  ];
  const document: Check =
    variant === 'dstack-nitro-enclave'
      ? { name: 'GET /GetAttestation: base64 document that dstack verify accepts', run: () => nsmDocument(client, workspace) }
      : { name: 'GET /GetAttestation names the platform and the call to use', run: () => refusal(client, `/GetAttestation?user_data=0x${CHALLENGE}`, 'Attest') };
  if (quotes === 'none') {
    return [{ name: 'GET /GetQuote names the platform and the call to use', run: () => refusal(client, `/GetQuote?report_data=0x${CHALLENGE}`, 'Attest') }, document, ...attest];
  }
  return [
    { name: 'GET /GetQuote: base64 quote that dstack verify accepts, RTMRs read from it', run: () => documentedQuote(client, workspace) },
    { name: 'POST /GetQuote in hex', run: () => hexQuote(client) },
    variant === 'dstack-gcp-tdx'
      ? { name: 'EmitEvent extends RTMR3, and PCR 14 of the vTPM', run: () => emitEvent(client, () => quotedPcr14(client)) }
      : { name: 'EmitEvent extends RTMR3', run: () => emitEvent(client) },
    document,
    ...attest,
  ];
}

async function documentedQuote(client: Client, workspace: Workspace): Promise<void> {
  const answer = success(await client.get(`/GetQuote?report_data=0x${CHALLENGE}`));
  const quote = Buffer.from(String(answer['quote']), 'base64');
  const { report } = parseQuote(quote);
  if (!('rtmrs' in report)) throw new CheckFailed('the quote holds no TD report');
  for (const [i, rtmr] of report.rtmrs.entries()) expectEqual(answer[`rtmr${i}`], Buffer.from(rtmr).toString('hex'), `rtmr${i}`);
  expectEqual(answer['report_data'], CHALLENGE.padEnd(128, '0'), 'report_data');
  await acceptedByCommand(quote, workspace);
}

async function nsmDocument(client: Client, workspace: Workspace): Promise<void> {
  const padded = CHALLENGE.padEnd(128, '0');
  const { document } = success(await client.get(`/GetAttestation?user_data=0x${padded}&nonce=0x0102`));
  await acceptedByCommand(Buffer.from(String(document), 'base64'), workspace);
}

async function attestation(client: Client, workspace: Workspace): Promise<void> {
  await acceptedByCommand(await attested(client), workspace);
}

async function attested(client: Client): Promise<Buffer> {
  return Buffer.from(String(success(await client.post('/Attest', { report_data: CHALLENGE }))['attestation']), 'hex');
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

/** @param more another register the event must reach */
async function emitEvent(client: Client, more: () => Promise<string> = async () => ''): Promise<void> {
  const rtmr3 = async (): Promise<unknown> => success(await client.get('/GetQuote'))['rtmr3'];
  const [before, moreBefore] = [await rtmr3(), await more()];
  expectEqual((await client.post('/EmitEvent', { event: 'example', payload: '00ff' })).text, 'null', 'answer');
  expectTrue((await rtmr3()) !== before, 'RTMR3 did not change');
  expectTrue(moreBefore === '' || (await more()) !== moreBefore, 'PCR 14 did not change');
}

async function quotedPcr14(client: Client): Promise<string> {
  const { platform } = decodeAttestation(await attested(client));
  const value = platform.kind === 'gcp-tdx' ? platform.tpmQuote.pcrValues.find(({ index }) => index === 14)?.value : undefined;
  if (value === undefined) throw new CheckFailed('the attestation holds no PCR 14');
  return Buffer.from(value).toString('hex');
}

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { TpmQuote } from '../../src/attestation/evidence/attestation.js';
import { parseTpmLog } from '../../src/attestation/event-log/tpm-log.js';
import { verifyTpmQuote, type VerifiedTpmQuote } from '../../src/attestation/tpm/verify.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { createDevelopmentTpmPki } from '../../src/simulator/tpm-pki.js';
import { bootFirmware, certify, ECC_TEMPLATE, RSA_TEMPLATE, spkiOf } from './fuse/gcp-tpm.js';
import { seed } from './fuse/machine.js';
import { mountDevices } from './fuse/mounted.js';
import { withTpm } from './fuse/tpm-client.js';

// Quotes of a TPM that is not this project's, in the verifier of production.

const devices = mountDevices('swtpm quotes, verified', { tpm: true });
const tpm = (): string => devices.path('dev', 'tpmrm0');
const qualifyingData = createHash('sha256').update('a TDX quote').digest();
const PCRS = [0, 2, 14];

function verify(quote: TpmQuote): Promise<VerifiedTpmQuote> {
  const { published } = createDevelopmentTpmPki(seed);
  const fetch = async (url: string): Promise<Uint8Array> => {
    const found = published.get(url);
    if (found === undefined) throw new Error(`nothing at ${url}`);
    return found;
  };
  return verifyTpmQuote(quote, { now: Date.now() / 1000, root: developmentRoots(seed).gcpTpm, certificates: { allows: () => true, fetch } });
}

function quoteWith(template: Buffer, log: Uint8Array | null = null): Promise<TpmQuote> {
  return withTpm(tpm(), async (client) => {
    const { handle, publicArea } = await client.createPrimary(template);
    const { message, signature } = await client.quote(handle, qualifyingData, PCRS);
    const pcrValues = [];
    for (const index of PCRS) pcrValues.push({ index, algorithm: 'sha256', value: await client.readPcr(index) });
    return { message, signature, pcrValues, akCert: certify(spkiOf(publicArea)), platform: 'gcp', eventLog: log === null ? [] : parseTpmLog(log) };
  });
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

describe.each([
  ['ECC', ECC_TEMPLATE],
  ['RSA', RSA_TEMPLATE],
])('a quote by an %s key of the endorsement hierarchy', (_, template) => {
  test('is genuine, with its qualifying data and its PCRs', async () => {
    const verified = await verify(await quoteWith(template, await bootFirmware(tpm())));
    expect(hex(verified.extraData)).toBe(hex(qualifyingData));
    expect([...verified.pcrs.keys()]).toEqual(PCRS);
    expect(hex(verified.pcrs.get(14))).toBe('00'.repeat(32));
  });

  test('follows the PCRs', async () => {
    const log = await bootFirmware(tpm());
    const digest = createHash('sha256').update('an event').digest();
    await withTpm(tpm(), (client) => client.extendPcr(14, digest));
    const verified = await verify(await quoteWith(template, log));
    expect(hex(verified.pcrs.get(14))).toBe(createHash('sha256').update(Buffer.alloc(32)).update(digest).digest('hex'));
  });

  test('is by the same key after a reset, over other PCRs', async () => {
    const log = await bootFirmware(tpm());
    const before = await quoteWith(template, log);
    await devices.reboot();
    const after = await quoteWith(template, log);
    expect(after.akCert).toEqual(before.akCert);
    await expect(verify(after)).rejects.toMatchObject({ code: 'TPM_EVENT_LOG_MISMATCH' });
    expect(hex((await verify({ ...after, eventLog: [] })).extraData)).toBe(hex(qualifyingData));
    await expect(verify({ ...before, pcrValues: after.pcrValues, eventLog: [] })).rejects.toMatchObject({ code: 'TPM_PCR_DIGEST_MISMATCH' });
  });

  test('is not what another message was signed with', async () => {
    const quote = await quoteWith(template);
    const message = Uint8Array.from(quote.message);
    const at = Buffer.from(message).indexOf(qualifyingData);
    message.set([(message[at] ?? 0) ^ 1], at);
    await expect(verify({ ...quote, message })).rejects.toMatchObject({ code: 'TPM_SIGNATURE_INVALID' });
  });
});

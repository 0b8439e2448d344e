import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CollateralRequest } from '../../../src/attestation/collateral.js';
import { parseCollateralJson } from '../../../src/attestation/dcap/collateral-format.js';
import { jsonMemberText } from '../../../src/attestation/dcap/json-member.js';
import { assembleCollateral, pccsBase, pccsTargets, rootCrlLocation } from '../../../src/attestation/dcap/pccs-answers.js';
import type { PccsAnswer, PccsAnswers } from '../../../src/attestation/dcap/pccs-answers.js';
import { recordedAnswers } from '../../../src/attestation/dcap/recorded-answers.js';
import { isRecordingText, parseRecording, recordingJson } from '../../../src/attestation/recording.js';
import { verifyQuote } from '../../../src/attestation/dcap/verify-quote.js';
import { CollateralError } from '../../../src/errors/collateral-error.js';
import { hex, unhex, vectorText } from '../vectors.js';
import { collateral, NOW, quote, root } from './mini-platform.js';

/** Made once: ECDSA signatures differ from run to run. */
const GIVEN = collateral();
const REQUEST: CollateralRequest = { tee: 'tdx', fmspc: unhex('00a0c06f0000'), ca: 'platform' };

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CollateralError) return error.code;
    throw error;
  }
  return 'accepted';
}

/** What a collateral service answers for `GIVEN`. */
function answers(changes: Partial<PccsAnswers> = {}): PccsAnswers {
  const from = GIVEN;
  const answer = (body: Uint8Array | string, headers: Record<string, string> = {}): PccsAnswer => ({
    status: 200,
    headers: Object.fromEntries(Object.entries(headers).map(([name, pem]) => [name, encodeURIComponent(pem)])),
    body: typeof body === 'string' ? Buffer.from(body) : body,
  });
  return {
    pckCrl: answer(from.pckCrl, { 'SGX-PCK-CRL-Issuer-Chain': from.pckCrlIssuerChain }),
    tcbInfo: answer(`{"tcbInfo":${from.tcbInfo},"signature":"${hex(from.tcbInfoSignature)}"}`, { 'TCB-Info-Issuer-Chain': from.tcbInfoIssuerChain }),
    qeIdentity: answer(`{"enclaveIdentity":${from.qeIdentity},"signature":"${hex(from.qeIdentitySignature)}"}`, { 'SGX-Enclave-Identity-Issuer-Chain': from.qeIdentityIssuerChain }),
    rootCaCrl: answer(hex(from.rootCaCrl)),
    ...changes,
  };
}

const patch = (key: keyof PccsAnswers, change: Partial<PccsAnswer>): PccsAnswers => answers({ [key]: { ...answers()[key], ...change } });

describe('the JSON form', () => {
  const text = vectorText('tdx/v4-uptodate.collateral.json');
  const fields = JSON.parse(text) as Record<string, unknown>;

  test('of a recorded file', () => {
    const parsed = parseCollateralJson(text);
    expect(parsed.tcbInfo).toBe(fields['tcb_info']);
    expect(hex(parsed.pckCrl)).toBe(fields['pck_crl']);
    expect(parsed.tcbInfoSignature).toHaveLength(64);
    expect(parsed.pckCertificateChain).toBeNull();
    expect(parseCollateralJson(JSON.stringify({ ...fields, pck_certificate_chain: 'PEM' })).pckCertificateChain).toBe('PEM');
  });

  test.each([
    ['not JSON', '{'],
    ['a list', '[]'],
    ...Object.keys(fields).filter((key) => key !== 'pck_certificate_chain').map((key) => [`no ${key}`, JSON.stringify({ ...fields, [key]: undefined })]),
    ['a short signature', JSON.stringify({ ...fields, tcb_info_signature: '00' })],
    ['odd hex', JSON.stringify({ ...fields, pck_crl: '123' })],
    ['a list for a CRL', JSON.stringify({ ...fields, pck_crl: [48] })],
    ['a chain that is a number', JSON.stringify({ ...fields, pck_certificate_chain: 1 })],
  ])('refuses %s', (_name, broken) => {
    expect(codeOf(() => parseCollateralJson(broken ?? ''))).toBe('COLLATERAL_ANSWER_INVALID');
  });
});

describe('answers of a collateral service', () => {
  test('are asked for by these paths', () => {
    expect(pccsTargets(REQUEST)).toEqual({
      pckCrl: '/sgx/certification/v4/pckcrl?ca=platform&encoding=der',
      tcbInfo: '/tdx/certification/v4/tcb?fmspc=00A0C06F0000',
      qeIdentity: '/tdx/certification/v4/qe/identity?update=standard',
      rootCaCrl: '/sgx/certification/v4/rootcacrl',
    });
    expect(pccsTargets({ ...REQUEST, tee: 'sgx', ca: 'processor' })).toMatchObject({
      pckCrl: '/sgx/certification/v4/pckcrl?ca=processor&encoding=der',
      tcbInfo: '/sgx/certification/v4/tcb?fmspc=00A0C06F0000',
    });
  });

  test.each([
    ['https://pccs.test', 'https://pccs.test'],
    ['https://pccs.test/', 'https://pccs.test'],
    ['https://pccs.test/sgx/certification/v4', 'https://pccs.test'],
    ['https://pccs.test/tdx/certification/v4/', 'https://pccs.test'],
    ['https://pccs.test/base/', 'https://pccs.test/base'],
  ])('base of %s', (url, base) => {
    expect(pccsBase(url)).toBe(base);
  });

  test('make collateral that verifies', () => {
    const assembled = assembleCollateral(answers());
    expect(assembled).toEqual(GIVEN);
    expect(verifyQuote(quote(), assembled, { now: NOW, root: root.der }).status).toBe('UpToDate');
  });

  test('the signed text is taken out as it stands, even from an indented answer', () => {
    const from = GIVEN;
    const body = Buffer.from(JSON.stringify({ signature: hex(from.tcbInfoSignature).toUpperCase(), tcbInfo: JSON.parse(from.tcbInfo) }, null, 2));
    expect(assembleCollateral(patch('tcbInfo', { body })).tcbInfo).toBe(from.tcbInfo);
  });

  test('the root list may be DER, as a distribution point serves it', () => {
    const { rootCaCrl } = GIVEN;
    expect(assembleCollateral(patch('rootCaCrl', { body: rootCaCrl })).rootCaCrl).toEqual(rootCaCrl);
  });

  test('a plus sign in a chain header stays a plus sign, and either header name will do', () => {
    const headers = { 'sgx-tcb-info-issuer-chain': 'A+B%2B%0A', 'tcb-info-issuer-chain': 'other' };
    expect(assembleCollateral(patch('tcbInfo', { headers })).tcbInfoIssuerChain).toBe('A+B+\n');
  });

  test.each<[string, PccsAnswers, string]>([
    ['404 for TCB info', patch('tcbInfo', { status: 404 }), 'COLLATERAL_UNAVAILABLE'],
    ['500 for the root list', patch('rootCaCrl', { status: 500 }), 'COLLATERAL_UNAVAILABLE'],
    ['a redirect', patch('pckCrl', { status: 302 }), 'COLLATERAL_UNAVAILABLE'],
    ['no issuer chain', patch('qeIdentity', { headers: {} }), 'COLLATERAL_ANSWER_INVALID'],
    ['a chain that is not percent-encoded', patch('pckCrl', { headers: { 'sgx-pck-crl-issuer-chain': '%zz' } }), 'COLLATERAL_ANSWER_INVALID'],
    ['text instead of JSON', patch('tcbInfo', { body: Buffer.from('busy') }), 'COLLATERAL_ANSWER_INVALID'],
    ['JSON of something else', patch('tcbInfo', { body: answers().qeIdentity.body }), 'COLLATERAL_ANSWER_INVALID'],
    ['a short signature', patch('tcbInfo', { body: Buffer.from('{"tcbInfo":{},"signature":"00"}') }), 'COLLATERAL_ANSWER_INVALID'],
    ['two documents in one answer', patch('tcbInfo', { body: Buffer.from(`{"tcbInfo":{},"tcbInfo":{},"signature":"${'00'.repeat(64)}"}`) }), 'COLLATERAL_ANSWER_INVALID'],
    ['a root list that is neither DER nor hex', patch('rootCaCrl', { body: Buffer.from('3081zz') }), 'COLLATERAL_ANSWER_INVALID'],
    ['a root list with a line end', patch('rootCaCrl', { body: Buffer.from('3081\n') }), 'COLLATERAL_ANSWER_INVALID'],
    ['more than 8 MiB', patch('pckCrl', { body: new Uint8Array((8 << 20) + 1) }), 'COLLATERAL_ANSWER_INVALID'],
  ])('%s', (_name, given, code) => {
    expect(codeOf(() => assembleCollateral(given))).toBe(code);
  });

  test('the root list is looked for where the last certificate of a chain says', () => {
    const { qe_identity_issuer_chain: pem } = JSON.parse(vectorText('tdx/v4-uptodate.collateral.json')) as { qe_identity_issuer_chain: string };
    const headers = { 'SGX-Enclave-Identity-Issuer-Chain': encodeURIComponent(pem) };
    expect(rootCrlLocation({ status: 200, headers, body: new Uint8Array() })).toBe('https://certificates.trustedservices.intel.com/IntelSGXRootCA.der');
    expect(rootCrlLocation(answers().qeIdentity)).toBeNull();
    expect(codeOf(() => rootCrlLocation({ status: 200, headers: { 'sgx-enclave-identity-issuer-chain': 'x' }, body: new Uint8Array() }))).toBe('COLLATERAL_ANSWER_INVALID');
  });
});

describe('a member of a JSON text', () => {
  test('is found as it stands, without white space', () => {
    expect(jsonMemberText(String.raw`{"a":1,"k" : { "x" : "a \" } , ", "y":[1.0, 2e3 ] } , "b":[{"k":2}]}`, 'k')).toBe(String.raw`{"x":"a \" } , ","y":[1.0,2e3]}`);
    expect(jsonMemberText('{"k":"}"}', 'k')).toBe('"}"');
    expect(jsonMemberText('{"x":{"k":1}}', 'k')).toBeNull();
    expect(jsonMemberText('[{"k":1}]', 'k')).toBeNull();
  });

  test('is what a parser sees, in any document', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (value, other, indent) => {
        const text = JSON.stringify({ o: other, k: value, p: other }, null, indent);
        expect(JSON.parse(jsonMemberText(text, 'k') ?? '')).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('recorded answers', () => {
  test('are read with their version or as the bare list, and no other version is', () => {
    const recorded = [{ url: 'https://a.test/b?c=d', status: 200, headers: { 'x-y': 'z' }, body: Uint8Array.of(0, 1, 2) }];
    const written = recordingJson(recorded);
    const { version, answers: list } = JSON.parse(written) as { version: number; answers: unknown };
    expect(version).toBe(1);
    for (const text of [written, JSON.stringify(list)]) expect([isRecordingText(text), parseRecording(text)]).toEqual([true, [{ ...recorded[0], target: '/b?c=d' }]]);
    for (const other of [{ version: 2, answers: list }, { version: 1 }, { answers: list }, { version: '1', answers: list }]) {
      expect(() => parseRecording(JSON.stringify(other))).toThrow(expect.objectContaining({ code: 'COLLATERAL_ANSWER_INVALID' }));
    }
    expect(isRecordingText('{"tcb_info":""}')).toBe(false);
  });

  const entry = (url: string, answer: PccsAnswer): unknown => ({ url, status: answer.status, headers: answer.headers, body_base64: Buffer.from(answer.body).toString('base64') });
  const targets = pccsTargets(REQUEST);
  const all = answers();
  const recording = (keys: readonly (keyof PccsAnswers)[]): string => JSON.stringify(keys.map((key) => entry(`http://127.0.0.1:1${targets[key]}`, all[key])));

  test('give collateral for the platform they were recorded for', async () => {
    const getter = recordedAnswers(recording(['pckCrl', 'tcbInfo', 'qeIdentity', 'rootCaCrl']));
    expect(await getter.getCollateral(REQUEST)).toEqual(GIVEN);
    await expect(getter.getCollateral({ ...REQUEST, ca: 'processor' })).rejects.toMatchObject({ code: 'COLLATERAL_UNAVAILABLE' });
    await expect(getter.getCollateral({ ...REQUEST, fmspc: new Uint8Array(6) })).rejects.toMatchObject({ code: 'COLLATERAL_UNAVAILABLE' });
  });

  test('without a root list are not enough', async () => {
    await expect(recordedAnswers(recording(['pckCrl', 'tcbInfo', 'qeIdentity'])).getCollateral(REQUEST)).rejects.toMatchObject({ code: 'COLLATERAL_UNAVAILABLE' });
  });

  test('of the development platform', async () => {
    const getter = recordedAnswers(vectorText('evidence/collateral.json'));
    const given = await getter.getCollateral({ tee: 'tdx', fmspc: new Uint8Array(6), ca: 'platform' });
    expect(JSON.parse(given.tcbInfo)).toMatchObject({ id: 'TDX', version: 3 });
    expect(given.rootCaCrl[0]).toBe(0x30);
  });

  test.each([
    ['not JSON', '['],
    ['an object', '{}'],
    ['a relative URL', '[{"url":"/x","status":200,"headers":{},"body_base64":""}]'],
    ['a status as text', '[{"url":"http://a/x","status":"200","headers":{},"body_base64":""}]'],
    ['no headers', '[{"url":"http://a/x","status":200,"body_base64":""}]'],
    ['a header list', '[{"url":"http://a/x","status":200,"headers":{"a":["b"]},"body_base64":""}]'],
    ['a body that is not base64', '[{"url":"http://a/x","status":200,"headers":{},"body_base64":"!"}]'],
    ['null', '[null]'],
  ])('refuses %s', (_name, text) => {
    expect(codeOf(() => recordedAnswers(text))).toBe('COLLATERAL_ANSWER_INVALID');
  });
});

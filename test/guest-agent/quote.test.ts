import { describe, expect, it } from 'vitest';
import type { EvidenceSource } from '../../src/attestation/evidence/evidence-source.js';
import { decodeAttestation } from '../../src/attestation/wire/decode.js';
import { appKeyReportData, createAppKeyAttester } from '../../src/guest-agent/app-key-attestation.js';
import { createAttestationPage } from '../../src/guest-agent/attestation-page.js';
import { createAppKeyDeriver } from '../../src/guest-agent/derive-key.js';
import { createInfo, publicInfo } from '../../src/guest-agent/info.js';
import { createMeasuredLog } from '../../src/guest-agent/measured-log.js';
import { getNsmDocument } from '../../src/guest-agent/nsm-document.js';
import { createQuoter } from '../../src/guest-agent/quote.js';
import { createAppSigner } from '../../src/guest-agent/sign.js';
import { createTaggedQuoter } from '../../src/guest-agent/tagged-quote.js';
import { createDevelopmentNitro, developmentPcrs } from '../../src/simulator/nitro-platform.js';
import { createDevelopmentTdx } from '../../src/simulator/tdx-platform.js';
import { bytes, errorCode, fixtureEvidence, fixtureFile, fixtureKeys, hex } from './fixture.js';

const clock = (): number => 1_795_449_011;
const seed = new Uint8Array(32).fill(9);
const developmentTdx = (): ReturnType<typeof createDevelopmentTdx> =>
  createDevelopmentTdx({
    seed,
    clock,
    app: {
      appId: new Uint8Array(20).fill(0x11),
      composeHash: new Uint8Array(32).fill(0x22),
      instanceId: new Uint8Array(20).fill(0x33),
      keyProvider: { name: 'none', id: '' },
      storageFs: 'zfs',
    },
    imageHash: new Uint8Array(32).fill(0x44),
    vmConfig: null,
  });
const nitro = (): ReturnType<typeof createDevelopmentNitro> =>
  createDevelopmentNitro({ seed, clock, pcrs: developmentPcrs(new Uint8Array(32)), appId: new Uint8Array(20).fill(0x11) });
const invalid = errorCode('ServiceError', 'INVALID_ARGUMENT');
const unsupported = errorCode('ServiceError', 'UNSUPPORTED_PLATFORM');
const embedded = (quote: Uint8Array): string => hex(quote.subarray(568, 632));

/** `source` that counts its attestations. */
function counted(source: EvidenceSource): { evidence: EvidenceSource; count: () => number } {
  let count = 0;
  const attest: EvidenceSource['attest'] = (reportData, signal) => {
    count += 1;
    return source.attest(reportData, signal);
  };
  return { evidence: { ...source, attest }, count: () => count };
}

describe('createQuoter', () => {
  const device = createQuoter({ evidence: developmentTdx(), vmConfig: '{"x":1}', simulatorForm: false });

  it('pads report data and strips the event log, on TDX without attestation', async () => {
    const answer = await device.getQuote(bytes('1234deadbeef'));
    expect(hex(answer.reportData)).toBe(`1234deadbeef${'00'.repeat(58)}`);
    expect(embedded(answer.quote)).toBe(hex(answer.reportData));
    expect(answer.vmConfig).toBe('{"x":1}');
    expect(answer.attestation).toHaveLength(0);
    const log = JSON.parse(answer.eventLog) as { imr: number; event: string; digest: string; event_payload: string }[];
    const appId = log.find(({ event }) => event === 'app-id');
    expect(appId).toMatchObject({ imr: 3, digest: '', event_payload: '11'.repeat(20) });
    expect(log.filter(({ imr, event_payload }) => imr < 3 && event_payload !== '').map(({ event_payload }) => bytes(event_payload).toString())).toHaveLength(3);
  });

  it('reads the registers out of the quote it returns', async () => {
    const { quote, rtmrs } = await device.getTdxQuote(new Uint8Array());
    expect(rtmrs.map(hex)).toEqual([0, 1, 2, 3].map((i) => hex(quote.subarray(376 + 48 * i, 424 + 48 * i))));
  });

  it('answers in the form of the simulator where it is one', async () => {
    const quoter = createQuoter({ evidence: fixtureEvidence(), vmConfig: '', simulatorForm: true });
    const answer = await quoter.getQuote(new Uint8Array(64));
    expect(decodeAttestation(answer.attestation).wire).toBe('v1');
    expect(JSON.parse(answer.eventLog)).toHaveLength(33);
    expect(Buffer.from(await quoter.attest(new Uint8Array(64)))).toEqual(fixtureFile('attestation.bin'));
  });

  it('answers with the attestation where there is no TDX, and refuses the documented URL', async () => {
    const quoter = createQuoter({ evidence: nitro(), vmConfig: '', simulatorForm: false });
    const answer = await quoter.getQuote(bytes('01'));
    expect([answer.quote.length, answer.eventLog]).toEqual([0, '']);
    expect(decodeAttestation(answer.attestation).platform.kind).toBe('nitro-enclave');
    await expect(quoter.getTdxQuote(new Uint8Array())).rejects.toEqual(unsupported);
  });

  it('refuses more than 64 bytes before asking the hardware', async () => {
    const { evidence, count } = counted(developmentTdx());
    const quoter = createQuoter({ evidence, vmConfig: '', simulatorForm: false });
    for (const ask of [quoter.getQuote, quoter.getTdxQuote, quoter.attest]) await expect(ask(new Uint8Array(65))).rejects.toEqual(invalid);
    expect(count()).toBe(0);
  });
});

describe('createTaggedQuoter', () => {
  const tagged = createTaggedQuoter(createQuoter({ evidence: fixtureEvidence(), vmConfig: '', simulatorForm: true }));
  const ask = (hashAlgorithm: string, prefix = '', content = '1234deadbeef'): ReturnType<typeof tagged.quote> => tagged.quote({ content: bytes(content), hashAlgorithm, prefix });

  // spec/guest-agent.md section 7
  it.each([
    ['', 'sha512', '47e7f84b16a9336b087cdadacf435c98dde1487bc159282d52382107e36ff3f0dce0b68905375d1a20fafee58ed745bb2f2f7f304a4590f16d59327889873972'],
    ['keccak256', 'keccak256', `d421c6aed8bc027a6cd54af60930ffd9429297b0bbdd20e6d181523b014457b7${'00'.repeat(32)}`],
  ])('hashes with %j', async (given, used, reportData) => {
    const answer = await ask(given);
    expect(embedded(answer.quote)).toBe(reportData);
    expect([answer.hashAlgorithm, answer.prefix]).toEqual([used, 'app-data']);
  });

  it('takes raw content of 64 bytes as it is', async () => {
    const answer = await ask('raw', 'ignored', 'ab'.repeat(64));
    expect([embedded(answer.quote), answer.hashAlgorithm, answer.prefix]).toEqual(['ab'.repeat(64), 'raw', '']);
  });

  it('refuses other hashes and raw content of another length', async () => {
    for (const [hash, content] of [['md5', ''], ['SHA256', ''], ['raw', 'ab']] as const) await expect(ask(hash, '', content)).rejects.toEqual(invalid);
  });
});

describe('createAppKeyAttester', () => {
  const signer = createAppSigner(createAppKeyDeriver(fixtureKeys()));

  // spec/guest-agent.md section 17
  it.each([
    ['ed25519', 'dip1::ed25519-pk:aY9WvVh9jOPKjbDhw2G6nRkAifmNxNnfgA_5LtBzpl0'],
    ['secp256k1', 'dip1::secp256k1c-pk:A2EF8B0f14FWj3wgiwh7HE9SJgFBDtfpx4cNVz3nxG1U'],
  ] as const)('names the %s key', async (algorithm, text) => {
    expect(Buffer.from(appKeyReportData(algorithm, signer.publicKey(algorithm))).toString()).toBe(text);
    const { evidence, count } = counted(fixtureEvidence());
    const quoter = createQuoter({ evidence, vmConfig: '', simulatorForm: true });
    const attester = createAppKeyAttester({ quoter, signer, now: () => 0, generation: () => 0 });
    expect(Buffer.from((await attester(algorithm)).reportData).toString().replace(/\0+$/, '')).toBe(text);
    await attester(algorithm);
    expect(count()).toBe(1);
    for (const unknown of ['', 'secp256k1_prehashed', 'rsa']) await expect(attester(unknown)).rejects.toEqual(invalid);
  });

  it('names the keys of another application as published', () => {
    const other = createAppSigner(createAppKeyDeriver({ k256Key: bytes('1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b'), k256Signature: new Uint8Array() }));
    const text = (algorithm: 'ed25519' | 'secp256k1'): string => Buffer.from(appKeyReportData(algorithm, other.publicKey(algorithm))).toString();
    expect(text('ed25519')).toBe('dip1::ed25519-pk:5Pbre1Amf1hrp2V2bbfKlIfxpQb2pJAmrgmhxgVoG9s');
    expect(text('secp256k1')).toBe('dip1::secp256k1c-pk:A6t_JdVkVdMAocH3f1f20WGT6JzdntxcXimUtEax8zc9');
  });
});

describe('createInfo', () => {
  const describeInstance = (source: EvidenceSource, state = { now: 0, generation: 0 }): { get: ReturnType<typeof createInfo>; count: () => number; state: { now: number; generation: number } } => {
    const { evidence, count } = counted(source);
    const compose = { name: 'guest-agent', text: '{"a": 1}' };
    const get = createInfo({ evidence, compose, vmConfig: 'v', cloudVendor: 'c', cloudProduct: 'p', appCert: () => 'cert', now: () => state.now, generation: () => state.generation });
    return { get, count, state };
  };

  // spec/sdk-contract.md section 12.2
  it('reads the identity of the recorded instance out of its evidence', async () => {
    const info = await describeInstance(fixtureEvidence()).get();
    expect(hex(info.app.appId)).toBe('5bb4ff9a3837357f19dc176407a5709c62eb6c56');
    expect(hex(info.app.instanceId)).toBe('1691ed1b47506cad7d08834668691d88246f5b1f');
    expect(hex(info.app.composeHash)).toBe('c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a');
    expect(hex(info.app.osImageHash)).toBe('e61be43dd1cc6a6f5edefd7c51b608983780839b0000ce60dd99737dcffe09b9');
    expect(hex(info.app.mrAggregated)).toBe('85334a62c97d0f8bf82d0245d31b539d17a2d7c258e2a13efc928aaea0e107cb');
    expect(hex(info.app.deviceId)).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(JSON.parse(info.keyProviderInfo)).toMatchObject({ name: 'kms' });
    const tcb = JSON.parse(info.tcbInfo) as Record<string, unknown>;
    expect(Object.keys(tcb)).toEqual(['mrtd', 'rtmr0', 'rtmr1', 'rtmr2', 'rtmr3', 'mr_aggregated', 'os_image_hash', 'compose_hash', 'device_id', 'event_log', 'app_compose', 'development']);
    expect(tcb['mrtd']).toMatch(/^e53236d4.*5822$/);
    expect(tcb['rtmr3']).toMatch(/^f28a1490.*fadf$/);
    expect(tcb['app_compose']).toBe('{"a": 1}');
    expect((tcb['event_log'] as { digest: string }[]).every(({ digest }) => digest.length === 96)).toBe(true);
    expect(info.tcbInfo).toContain('\n  "mrtd"');
  });

  it('has no TD report on other platforms, and says null', async () => {
    const info = await describeInstance(nitro()).get();
    expect(JSON.parse(info.tcbInfo)).toMatchObject({ mrtd: null, rtmr0: null, rtmr3: null, event_log: [] });
  });

  it('asks the hardware again only after an event or ten minutes', async () => {
    const { get, count, state } = describeInstance(developmentTdx());
    for (let i = 0; i < 50; i++) await get();
    expect(count()).toBe(1);
    state.generation = 1;
    await get();
    expect(count()).toBe(2);
    state.now = 600_001;
    await get();
    expect(count()).toBe(3);
  });

  it('hides measurements and configuration from strangers when the application says so', async () => {
    const info = await describeInstance(fixtureEvidence()).get();
    expect(publicInfo(info, true)).toEqual(info);
    expect(publicInfo(info, false)).toEqual({ ...info, tcbInfo: '', vmConfig: '' });
  });
});

describe('createAttestationPage', () => {
  const open = (source: EvidenceSource, publicTcbinfo = true, allowed = true): { get: ReturnType<typeof createAttestationPage>; count: () => number; state: { now: number } } => {
    const state = { now: 0 };
    const { evidence, count } = counted(source);
    const get = createAttestationPage({ evidence, vmConfig: 'v', publicTcbinfo, allowFresh: () => allowed, now: () => state.now, generation: () => 0 });
    return { get, count, state };
  };

  it('never places a challenge verbatim', async () => {
    const page = await open(developmentTdx()).get(bytes('746573742063 6f6e74656e74'.replace(' ', '')), 'peer');
    // spec/attestation.md section 4: tag app-data, content "test content"
    expect(hex(page.reportData)).toBe('7ea0b744ed5e9c0c83ff9f575668e1697652cd349f2027cdf26f918d4c53e8cd50b5ea9b449b4c3d50e20ae00ec29688d5a214e8daff8a10041f5d624dae8a01');
    expect(embedded(page.quote ?? new Uint8Array())).toBe(hex(page.reportData));
    expect(decodeAttestation(page.attestation).platform.kind).toBe('tdx');
  });

  it('serves recent evidence with its age without a challenge', async () => {
    const { get, count, state } = open(developmentTdx());
    await get(null, 'peer');
    state.now = 59_000;
    expect((await get(null, 'other')).ageMs).toBe(59_000);
    expect(count()).toBe(1);
    state.now = 61_000;
    expect((await get(null, 'peer')).ageMs).toBe(0);
    expect(count()).toBe(2);
  });

  it('refuses fresh evidence above the limit and long challenges, without asking the hardware', async () => {
    const limited = open(developmentTdx(), true, false);
    await expect(limited.get(bytes('01'), 'peer')).rejects.toEqual(errorCode('ServiceError', 'RESOURCE_EXHAUSTED'));
    const { get, count } = open(developmentTdx());
    await expect(get(new Uint8Array(65), 'peer')).rejects.toEqual(invalid);
    expect(limited.count() + count()).toBe(0);
  });

  it('hides what public_tcbinfo hides elsewhere', async () => {
    const page = await open(developmentTdx(), false).get(null, 'peer');
    expect([page.eventLog, page.vmConfig, page.attestation.length]).toEqual(['', '', 0]);
    expect(page.quote).not.toBeNull();
  });

  it('has a document in place of a quote in an enclave', async () => {
    const page = await open(nitro()).get(bytes('01'), 'peer');
    expect(page.quote).toBeNull();
    expect(page.document?.length).toBeGreaterThan(500);
  });
});

describe('createMeasuredLog', () => {
  it('measures an event of an application', async () => {
    const evidence = developmentTdx();
    const log = createMeasuredLog(evidence);
    await log.emit('my-event', bytes('0102'));
    expect(log.generation()).toBe(1);
    const { stack } = await evidence.attest(new Uint8Array(64));
    expect(stack.runtimeEvents.at(-1)).toEqual({ event: 'my-event', payload: bytes('0102'), version: 1 });
  });

  it.each([
    ['an empty name', '', 0],
    ['a long name', 'é'.repeat(129), 0],
    ['a long payload', 'x', 65_537],
    ['a name of the boot flow', 'app-id', 0],
    ['the end of the boot flow', 'system-ready', 0],
  ])('refuses %s', async (_what, event, length) => {
    const log = createMeasuredLog(developmentTdx());
    await expect(log.emit(event, new Uint8Array(length))).rejects.toEqual(invalid);
    expect(log.generation()).toBe(0);
  });

  it('refuses where nothing can be measured, and lets the boot flow pass', async () => {
    const log = createMeasuredLog(nitro());
    await expect(log.emit('x', new Uint8Array())).rejects.toEqual(unsupported);
    await expect(log.emitBoot('system-ready', new Uint8Array())).resolves.toBeUndefined();
  });
});

describe('getNsmDocument', () => {
  const none = { userData: new Uint8Array(), nonce: new Uint8Array(), publicKey: new Uint8Array() };

  it('is of Nitro Enclaves alone', async () => {
    await expect(getNsmDocument(developmentTdx(), none)).rejects.toEqual(unsupported);
    expect((await getNsmDocument(nitro(), none))[0]).toBe(0x84);
  });

  it.each([
    ['userData', 513],
    ['nonce', 513],
    ['publicKey', 1025],
  ])('refuses %s of %i bytes', async (field, length) => {
    await expect(getNsmDocument(nitro(), { ...none, [field]: new Uint8Array(length) })).rejects.toEqual(invalid);
    expect((await getNsmDocument(nitro(), { ...none, [field]: new Uint8Array(length - 1) })).length).toBeGreaterThan(length);
  });
});

import { describe, expect, it } from 'vitest';
import type { SnpProduct } from '../../../src/attestation/sev-snp/product.js';
import { NO_SNP_ROOTS } from '../../../src/attestation/trust-roots.js';
import { certify, CHIP_ID, LEAF_ENDS, NOW, pem, p384, table } from './mini-amd.js';
import { chainOf, KDS, keyService, machine, verify } from './machine.js';

const GUID = { ask: '4ab7b379bbac4fe4a02f05aef327c782', vcek: '63da758de6644564adc5f4b93be8accd', vlek: 'a8074bc2a25a483eaae639c045a0b8a1' };
const milan = machine();
const { roots } = milan;
const error = (name: string, code: string) => expect.objectContaining({ name, code });
const chip = Buffer.from(CHIP_ID).toString('hex');

describe('machines of every line, with every key AMD signs with', () => {
  it.each<[SnpProduct, 'vcek' | 'vlek', 'ec' | 'rsa']>([
    ['Milan', 'vcek', 'ec'],
    ['Milan', 'vlek', 'ec'],
    ['Milan', 'vcek', 'rsa'],
    ['Genoa', 'vcek', 'ec'],
    ['Genoa', 'vlek', 'rsa'],
    ['Turin', 'vcek', 'rsa'],
    ['Turin', 'vlek', 'ec'],
  ])('%s, %s, certified with %s keys', async (product, kind, keys) => {
    const made = machine({ product, kind, keys });
    await expect(verify(made.report(), chainOf(made), { roots: made.roots })).resolves.toEqual({ tcbStatus: 'UpToDate', validUntil: LEAF_ENDS });
  });

  it('a report of version 2 does not name its line: that whose root is named above it is found, whichever roots there are', async () => {
    const report = milan.report({ version: 2 });
    const all = { ...roots, Genoa: machine({ product: 'Genoa' }).root.der, Turin: machine({ product: 'Turin' }).root.der };
    await expect(verify(report, chainOf(milan), { roots: all })).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
    // One root for every line: what the key's certificate says decides.
    const same = { Genoa: milan.root.der, Milan: milan.root.der, Turin: milan.root.der };
    await expect(verify(report, chainOf(milan), { roots: same })).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
  });

  it('certificates of a development PKI need not have AMD\'s extensions', async () => {
    const made = machine({ extensions: null });
    await expect(verify(made.report(), chainOf(made), { roots: made.roots })).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
  });
});

describe('the forms certificates travel in', () => {
  it.each<[string, Uint8Array[]]>([
    ['PEM', chainOf(milan)],
    ['DER', [milan.intermediate.der, milan.leaf.der]],
    ['one table', [table({ [GUID.ask]: milan.intermediate.der, [GUID.vcek]: milan.leaf.der, [`${'ab'.repeat(16)}`]: Uint8Array.of(1) })]],
  ])('%s: nothing is asked for', async (_, chain) => {
    const service = keyService();
    await expect(verify(milan.report(), chain, { roots, certificates: service.fetcher })).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
    expect(service.asked).toEqual([]);
  });

  it.each<[SnpProduct, string]>([
    ['Milan', `Milan/${chip}?blSPL=4&teeSPL=2&snpSPL=24&ucodeSPL=219`],
    ['Turin', `Turin/${chip.slice(0, 16)}?fmcSPL=1&blSPL=4&teeSPL=2&snpSPL=24&ucodeSPL=219`],
  ])('none at all: those of a %s machine are asked for', async (product, path) => {
    const made = machine({ product });
    const chain = Buffer.concat([pem(made.intermediate.der), pem(made.root.der)]);
    const service = keyService({ [`${KDS}/${path}`]: made.leaf.der, [`${KDS}/${product}/cert_chain`]: chain });
    await expect(verify(made.report(), [], { roots: made.roots, certificates: service.fetcher, kdsUrl: `${KDS}/` })).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
    expect(service.asked).toEqual([`amd-vcek ${KDS}/${path}`, `amd-chain ${KDS}/${product}/cert_chain`]);
    expect(service.judged).toEqual(['amd-vcek true', 'amd-chain true']);
  });

  it('a table with the other kind\'s intermediate: the right one is asked for, where that kind has its own', async () => {
    const made = machine({ kind: 'vlek' });
    const url = 'http://kds.test/vlek/v1/Milan/cert_chain';
    const service = keyService({ [url]: pem(made.intermediate.der) });
    const chain = [table({ [GUID.ask]: milan.intermediate.der, [GUID.vlek]: made.leaf.der })];
    await expect(verify(made.report(), chain, { roots: made.roots, certificates: service.fetcher })).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
    expect(service.asked).toEqual([`amd-chain ${url}`]);
  });

  it('a version 2 report without certificates: each line configured is asked, and one that does not know the chip is passed over', async () => {
    const genoa = machine({ product: 'Genoa' });
    const answers = { [`${KDS}/Milan/${chip}?blSPL=4&teeSPL=2&snpSPL=24&ucodeSPL=219`]: milan.leaf.der, [`${KDS}/Milan/cert_chain`]: pem(milan.intermediate.der) };
    const service = keyService(answers);
    await expect(verify(milan.report({ version: 2 }), [], { roots: { ...roots, Genoa: genoa.root.der }, certificates: service.fetcher })).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
    expect(service.asked.map((line) => line.split('/')[5])).toEqual(['Genoa', 'Milan', 'Milan']);
  });
});

describe('what is told about answers of the key service', () => {
  const other = machine();
  it.each<[string, Uint8Array, Uint8Array, string[]]>([
    ['another chip\'s certificate', machine({ extensions: { hardwareId: new Uint8Array(64) } }).leaf.der, pem(milan.intermediate.der), ['amd-vcek false']],
    ['a certificate of another root', other.leaf.der, pem(milan.intermediate.der), ['amd-vcek false', 'amd-chain true']],
    ['an intermediate of another root', milan.leaf.der, pem(other.intermediate.der), ['amd-vcek false', 'amd-chain false']],
  ])('%s is refused and told', async (_, leaf, chain, told) => {
    const service = keyService({ [`${KDS}/Milan/${chip}?blSPL=4&teeSPL=2&snpSPL=24&ucodeSPL=219`]: leaf, [`${KDS}/Milan/cert_chain`]: chain });
    await expect(verify(milan.report(), [], { roots, certificates: service.fetcher })).rejects.toMatchObject({ name: 'VerificationError' });
    expect(service.judged).toEqual(told);
  });

  it('nothing is asked for a report that is refused anyway', async () => {
    const service = keyService();
    await expect(verify(milan.report({ edit: (report) => report.writeUInt32LE(1, 0x30) }), [], { roots, certificates: service.fetcher })).rejects.toMatchObject({ code: 'SNP_VMPL_NOT_ZERO' });
    expect(service.asked).toEqual([]);
  });
});

describe('what cannot be had is no verdict', () => {
  const vlek = machine({ kind: 'vlek' });
  it.each<[string, () => Promise<unknown>, string]>([
    ['a key service that is down', () => verify(milan.report(), [], { roots }), 'COLLATERAL_UNAVAILABLE'],
    ['a chip that is hidden', () => verify(milan.report({ edit: (report) => report.fill(0, 0x1a0, 0x1e0) }), [], { roots }), 'COLLATERAL_UNAVAILABLE'],
    ['a VLEK certificate that did not come along', () => verify(vlek.report(), [], { roots: vlek.roots }), 'COLLATERAL_UNAVAILABLE'],
    [
      'an answer that is no certificate',
      () => verify(milan.report(), [], { roots, certificates: { allows: () => true, fetch: async () => Buffer.from('<html>') } }),
      'COLLATERAL_ANSWER_INVALID',
    ],
  ])('%s', async (_, attempt, code) => {
    await expect(attempt()).rejects.toEqual(error('CollateralError', code));
  });
});

describe('status of the firmware', () => {
  it.each([
    ['in use', 0x38],
    ['committed', 0x1e0],
    ['at launch', 0x1f0],
  ])('OutOfDate when that %s is another than the report is signed for', async (_, offset) => {
    const report = milan.report({ edit: (bytes) => bytes.writeUInt8(3, offset) });
    await expect(verify(report, chainOf(milan), { roots })).resolves.toMatchObject({ tcbStatus: 'OutOfDate' });
  });
});

describe('a guest its host may debug', () => {
  const debug = (report: Buffer): void => void report.writeBigUInt64LE(0xb_0000n, 0x08);

  it('is genuine and not acceptable', async () => {
    await expect(verify(milan.report({ edit: debug }), chainOf(milan), { roots })).rejects.toEqual(error('AppraisalError', 'DEBUG_MODE'));
  });

  it('is called so only when it is genuine', async () => {
    await expect(verify(milan.report({ edit: debug, signedBy: p384() }), chainOf(milan), { roots })).rejects.toEqual(error('VerificationError', 'SNP_SIGNATURE_INVALID'));
  });
});

describe('certificates', () => {
  it.each<[string, () => Promise<unknown>, string]>([
    ['of a key that is not on P-384', () => withLeafKey(), 'PUBLIC_KEY_UNSUPPORTED'],
    ['that do not lead to the root', () => verify(milan.report(), chainOf(milan), { roots: { ...NO_SNP_ROOTS, Milan: certify('ARK-Milan', { ca: true }).der } }), 'CERTIFICATE_SIGNATURE_INVALID'],
    ['under another root', () => verify(milan.report(), chainOf(milan), { roots: { ...NO_SNP_ROOTS, Milan: machine({ product: 'Genoa' }).root.der } }), 'ISSUER_UNKNOWN'],
    ['after their time', () => verify(milan.report(), chainOf(milan), { roots, now: LEAF_ENDS + 1 }), 'CERTIFICATE_EXPIRED'],
    ['before their time', () => verify(milan.report(), chainOf(milan), { roots, now: NOW - 2 * 86_400 }), 'CERTIFICATE_NOT_YET_VALID'],
    ['whose intermediate is no CA', () => withIntermediate(), 'END_ENTITY_USED_AS_CA'],
  ])('%s are refused', async (_, attempt, code) => {
    await expect(attempt()).rejects.toEqual(error('VerificationError', code));
  });

  async function withLeafKey(): Promise<unknown> {
    const rsaLeaf = certify('SEV-VCEK', { issuer: milan.intermediate, key: machine({ keys: 'rsa' }).root.key });
    return verify(milan.report(), [pem(milan.intermediate.der), pem(rsaLeaf.der)], { roots });
  }

  async function withIntermediate(): Promise<unknown> {
    const intermediate = certify('SEV-Milan', { issuer: milan.root });
    const leaf = certify('SEV-VCEK', { issuer: intermediate });
    return verify(milan.report({ signedBy: leaf.key }), [pem(intermediate.der), pem(leaf.der)], { roots });
  }
});

it('no byte of a report can be changed', async () => {
  const report = milan.report();
  const chain = chainOf(milan);
  let refused = 0;
  for (let at = 0; at < report.length; at++) {
    const changed = Uint8Array.from(report);
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    await (async () => verify(changed, chain, { roots }))().then(
      () => expect.fail(`byte ${at}`),
      (reason: unknown) => {
        expect(reason).toMatchObject({ name: expect.stringMatching(/^(Verification|Appraisal)Error$/) });
        refused++;
      },
    );
  }
  expect(refused).toBe(1184);
});

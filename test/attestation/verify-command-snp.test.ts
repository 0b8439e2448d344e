import { describe, expect, it } from 'vitest';
import { runVerify, type VerifyCommandOptions } from '../../src/app/verify-command.js';
import type { SnpProduct } from '../../src/attestation/sev-snp/product.js';
import { hardwareId } from '../../src/attestation/sev-snp/product.js';
import { certify, CHIP_ID, NOW, p384, pem } from './sev-snp/mini-amd.js';
import { type Machine, machine } from './sev-snp/machine.js';

const LEVELS: Readonly<Record<SnpProduct, string>> = { Milan: 'blSPL=4', Genoa: 'blSPL=4', Turin: 'fmcSPL=1&blSPL=4' };

/** HTTP answers of a key service anywhere, as a file of `--collateral` holds them. */
function recording({ product, intermediate, root, leaf }: Machine): Uint8Array {
  const base = `https://mirror.test/vcek/v1/${product}`;
  const chip = Buffer.from(hardwareId(product, CHIP_ID)).toString('hex');
  const answer = (url: string, body: Uint8Array) => ({ url, status: 200, headers: {}, body_base64: Buffer.from(body).toString('base64') });
  return Buffer.from(
    JSON.stringify([answer(`${base}/cert_chain`, Buffer.concat([pem(intermediate.der), pem(root.der)])), answer(`${base}/${chip}?${LEVELS[product]}&teeSPL=2&snpSPL=24&ucodeSPL=219`, leaf.der)]),
  );
}

async function verify(files: Readonly<Record<string, Uint8Array>>, options: Partial<VerifyCommandOptions> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const exit = await runVerify(
    { file: 'report', collateral: 'answers', at: String(NOW), roots: ['root'], reportData: null, json: true, ...options },
    { readFile: async (name) => files[name] ?? Promise.reject(new Error('absent')), now: () => NOW, out: (line) => out.push(line), err: (line) => err.push(line) },
  );
  return { exit, err, verdict: JSON.parse(out.join('')) as { accepted: boolean; code: string | null; claims: Record<string, unknown> } };
}

describe('bare SEV-SNP reports', () => {
  it.each<[SnpProduct, 'ec' | 'rsa', number]>([
    ['Milan', 'ec', 2],
    ['Milan', 'rsa', 3],
    ['Genoa', 'rsa', 3],
    ['Turin', 'ec', 3],
  ])('%s, %s keys, version %i: one --root does for every line of processors', async (product, keys, version) => {
    const made = machine({ product, keys });
    const files = { report: made.report({ version }), answers: recording(made), root: pem(made.root.der) };
    const { exit, err, verdict } = await verify(files, { reportData: 'ab'.repeat(64) });
    expect({ exit, code: verdict.code, accepted: verdict.accepted }).toEqual({ exit: 0, code: null, accepted: true });
    expect(verdict.claims).toMatchObject({ verified: true, kind: 'snp-report', reportVersion: version, tcbStatus: 'UpToDate', measurement: '5a'.repeat(48) });
    expect(err.filter((line) => line.includes('AMD'))).toHaveLength(1);
  });

  const milan = machine();
  const files = { report: milan.report(), answers: recording(milan), root: milan.root.der };

  it('are told from other evidence as hex text, too', async () => {
    expect(await verify({ ...files, report: Buffer.from(`0x${Buffer.from(milan.report()).toString('hex')}\n`) })).toMatchObject({ exit: 0 });
  });

  it('the root that their certificates lead to is found among others', async () => {
    const others = { ...files, other: certify('another', { ca: true }).der };
    expect(await verify(others, { roots: ['other', 'root'] })).toMatchObject({ exit: 0 });
  });

  it.each<[string, Partial<VerifyCommandOptions>, Readonly<Record<string, Uint8Array>>, string]>([
    ['without a root', { roots: [] }, files, 'SNP_ROOT_NOT_CONFIGURED'],
    ['without answers', { collateral: null }, files, 'COLLATERAL_UNAVAILABLE'],
    ['with a forged signature', {}, { ...files, report: milan.report({ signedBy: p384() }) }, 'SNP_SIGNATURE_INVALID'],
    ['of a guest that may be debugged', {}, { ...files, report: milan.report({ edit: (report) => report.writeBigUInt64LE(0xb_0000n, 8) }) }, 'DEBUG_MODE'],
    ['over other report data', { reportData: '00' }, files, 'REPORT_DATA_MISMATCH'],
  ])('are refused %s', async (_, options, given, code) => {
    expect(await verify(given, options)).toMatchObject({ exit: 1, verdict: { accepted: false, code } });
  });
});

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runVerify, type VerifyCommandOptions } from '../../src/app/verify-command.js';
import type { Claims } from '../../src/app/verify/claims.js';
import { decodeAttestation } from '../../src/attestation/wire/decode.js';
import { type EvidenceCase, evidenceIndex, type IndexedAppInfo } from './evidence/evidence-index.js';
import { certificate, testKey } from '../x509/mini-ca.js';
import { hex, vector } from './vectors.js';

const path = (file: string): string => fileURLToPath(new URL(`../vectors/${file}`, import.meta.url));
const NOTHING: VerifyCommandOptions = { file: '', collateral: null, at: null, roots: [], reportData: null, json: true };

interface Outcome {
  readonly exit: number;
  readonly verdict: { readonly accepted: boolean; readonly code: string | null; readonly claims: Claims };
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** Runs the command on the files of test/vectors, or on `files` where a name is given there. */
async function verify(options: Partial<VerifyCommandOptions>, files: Readonly<Record<string, Uint8Array>> = {}): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const exit = await runVerify(
    { ...NOTHING, ...options },
    {
      readFile: async (name) => files[name] ?? readFileSync(path(name)),
      now: () => 1_000,
      out: (line) => out.push(line),
      err: (line) => err.push(line),
    },
  );
  return { exit, verdict: options.json === false ? { accepted: false, code: null, claims: {} } : JSON.parse(out.join('\n')), out, err };
}

const ACCEPTED = { exit: 0, verdict: { accepted: true, code: null } };
const refused = (code: string) => ({ exit: 1, verdict: { accepted: false, code } });

describe('quotes of real hardware, under the vendor root', () => {
  it('tdx/v4-uptodate', async () => {
    const outcome = await verify({ file: 'tdx/v4-uptodate.quote', collateral: 'tdx/v4-uptodate.collateral.json', at: '1752919234' });
    expect(outcome).toMatchObject(ACCEPTED);
    expect(outcome.verdict.claims).toMatchObject({ verified: true, kind: 'tdx-quote', quoteVersion: 4, tcbStatus: 'UpToDate', advisoryIds: [], fmspc: 'b0c06f000000', validUntil: 1_752_919_234 });
    expect(outcome.err).toEqual([]);
  });

  it.each(['1752919234', '1750329147'])('tdx/v4-uptodate is valid at both ends of its window: %s', async (at) => {
    expect(await verify({ file: 'tdx/v4-uptodate.quote', collateral: 'tdx/v4-uptodate.collateral.json', at })).toMatchObject(ACCEPTED);
  });

  // The window ends with nextUpdate of a revocation list, which is the first second it is no longer good for.
  it.each(['1752919235', '1750329146'])('and not at %s', async (at) => {
    expect(await verify({ file: 'tdx/v4-uptodate.quote', collateral: 'tdx/v4-uptodate.collateral.json', at })).toMatchObject({ exit: 1 });
  });

  it('tdx/v5-td15: genuine signatures, no matching TCB level', async () => {
    const outcome = await verify({ file: 'tdx/v5-td15.quote', collateral: 'tdx/v5-td15.collateral.json', at: '1774003274' });
    expect(outcome).toMatchObject(refused('TCB_LEVEL_NOT_FOUND'));
    expect(outcome.verdict.claims).toMatchObject({ verified: false, quoteVersion: 5 });
  });

  it('tdx/v4-nocollateral: hex text; without collateral nothing is accepted', async () => {
    const outcome = await verify({ file: 'tdx/v4-nocollateral.hex', at: '1752919234' });
    expect(outcome).toMatchObject(refused('COLLATERAL_UNAVAILABLE'));
    expect(outcome.verdict.claims).toMatchObject({ verified: false, kind: 'tdx-quote', quoteVersion: 4 });
    expect(outcome.verdict.claims['mrTd']).toMatch(/^[0-9a-f]{96}$/);
  });

  it('a forgery is called one even without collateral', async () => {
    const forged = vector('tdx/v4-uptodate.quote');
    forged[200] = (forged[200] ?? 0) ^ 1;
    expect(await verify({ file: 'forged', at: '1752919234' }, { forged })).toMatchObject(refused('QUOTE_SIGNATURE_INVALID'));
  });

  it('sgx/v3: genuine, status for the reader to judge', async () => {
    const outcome = await verify({ file: 'sgx/v3.quote', collateral: 'sgx/v3.collateral.json', at: '1752919277' });
    expect(outcome).toMatchObject(ACCEPTED);
    expect(outcome.verdict.claims).toMatchObject({
      kind: 'sgx-quote',
      quoteVersion: 3,
      tcbStatus: 'ConfigurationAndSWHardeningNeeded',
      advisoryIds: ['INTEL-SA-00289', 'INTEL-SA-00615'],
      fmspc: '00a067110000',
    });
  });

  it('is refused under another root', async () => {
    const outcome = await verify({ file: 'tdx/v4-uptodate.quote', collateral: 'tdx/v4-uptodate.collateral.json', at: '1752919234', roots: ['evidence/roots/tdx.pem'] });
    expect(outcome).toMatchObject({ exit: 1, verdict: { accepted: false } });
    expect(outcome.err[0]).toContain('WARNING');
  });
});

describe('Nitro documents of real hardware (README times are milliseconds)', () => {
  it.each([
    ['nitro/versioned-v0-app.bin', 1_766_678_659_346, '1894b0b29e94a9db16e88a2914f0923e52bb16c08bf3bb484df786a147e2eb79'],
    ['nitro/versioned-v0-2.bin', 1_766_668_537_578, 'e0e742bd62280472ea840647754203d599cb39a7966cfed11237c1e86de9c857'],
  ])('%s', async (file, ms, image) => {
    const outcome = await verify({ file, at: String(ms / 1000) });
    expect(outcome).toMatchObject(ACCEPTED);
    expect(outcome.verdict.claims).toMatchObject({ teeVariant: 'dstack-nitro-enclave', tcbStatus: '', appInfo: { mrSystem: image, osImageHash: image } });

    const { platform } = decodeAttestation(vector(file));
    if (platform.kind !== 'nitro-enclave') throw new Error('not Nitro');
    for (const document of [platform.nsmQuote, Buffer.from(`0x${hex(platform.nsmQuote)}\n`), Buffer.concat([Uint8Array.of(0xd2), platform.nsmQuote])]) {
      const bare = await verify({ file: 'document', at: String(ms / 1000) }, { document });
      expect(bare).toMatchObject(ACCEPTED);
      expect(bare.verdict.claims).toMatchObject({ kind: 'nsm-document', imageHash: image });
    }
  });

  it('nitro/versioned-v0-debug.bin is genuine and refused', async () => {
    const outcome = await verify({ file: 'nitro/versioned-v0-debug.bin', at: '1766650846.577' });
    expect(outcome).toMatchObject(refused('DEBUG_MODE'));
    expect(outcome.verdict.claims).toMatchObject({ verified: true });
    const { platform } = decodeAttestation(vector('nitro/versioned-v0-debug.bin'));
    if (platform.kind !== 'nitro-enclave') throw new Error('not Nitro');
    expect(await verify({ file: 'document', at: '1766650846.577' }, { document: platform.nsmQuote })).toMatchObject(refused('DEBUG_MODE'));
  });
});

describe('recorded evidence (evidence/index.json)', () => {
  const { made_at: madeAt, report_data: reportData, cases } = evidenceIndex;
  const given: Partial<VerifyCommandOptions> = {
    collateral: 'evidence/collateral.json',
    at: String(madeAt),
    roots: ['tpm', 'sev-snp', 'nsm', 'tdx'].map((name) => `evidence/roots/${name}.pem`),
  };
  const forms = cases.flatMap((entry) => (/^(tdx|gcp)/.test(entry.file) ? [entry, { ...entry, file: entry.file.replace('.bin', '.stripped.bin') }] : [entry]));
  const REFUSALS: Readonly<Record<string, string>> = {
    'tdx-rtmr3-mismatch': 'RTMR3_MISMATCH',
    'tdx-report-data-mismatch': 'REPORT_DATA_MISMATCH',
    'tdx-body-bit-flipped': 'QUOTE_SIGNATURE_INVALID',
    'gcp-tdx-vtpm-of-another-quote': 'TPM_QUALIFYING_DATA_MISMATCH',
    'gcp-tdx-pcr14-mismatch': 'TPM_PCR14_MISMATCH',
    'gcp-tdx-pcr-value-changed': 'TPM_PCR_DIGEST_MISMATCH',
    'gcp-tdx-event-log-short': 'TPM_EVENT_LOG_MISMATCH',
    'sev-snp-host-data-mismatch': 'SNP_HOST_DATA_MISMATCH',
    'nitro-no-user-data': 'NSM_USER_DATA_MISSING',
    'nitro-user-data-mismatch': 'NSM_USER_DATA_MISMATCH',
    'nitro-debug': 'DEBUG_MODE',
    'nitro-image-hash-mismatch': 'IMAGE_HASH_MISMATCH',
  };

  const camel = (info: IndexedAppInfo): object =>
    Object.fromEntries(Object.entries(info).map(([key, value]) => [key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()), value]));

  it.each<EvidenceCase>(forms)('$file is $expected', async ({ file, expected, app_info: runtime, app_info_boottime: boot }) => {
    const { exit, verdict, err } = await verify({ ...given, file: `evidence/${file}`, ...(expected === 'accepted' ? { reportData } : {}) });
    expect(err.filter((line) => line.startsWith('WARNING'))).toHaveLength(4);
    if (runtime !== undefined) expect(verdict.claims['appInfo']).toEqual(camel(runtime));
    if (boot !== undefined) expect(verdict.claims['appInfoBootTime']).toEqual(camel(boot));
    const code = expected === 'accepted' ? null : REFUSALS[file.replace('.stripped', '').replace('.bin', '')];
    expect({ exit, accepted: verdict.accepted, code: verdict.code }).toEqual({ exit: expected === 'accepted' ? 0 : 1, accepted: expected === 'accepted', code });
  });

  it('that is every case of the index, in every form', () => {
    expect([cases.length, forms.length]).toEqual([19, 31]);
  });

  it('other report data than asked for are refused', async () => {
    for (const file of ['tdx.bin', 'gcp-tdx.bin', 'nitro.bin', 'sev-snp.bin']) {
      expect(await verify({ ...given, file: `evidence/${file}`, reportData: '00' })).toMatchObject(refused('REPORT_DATA_MISMATCH'));
    }
  });

  it('is refused under the vendor roots', async () => {
    for (const file of ['tdx.bin', 'gcp-tdx.bin', 'nitro.bin', 'sev-snp.bin']) {
      expect(await verify({ ...given, roots: [], file: `evidence/${file}` })).toMatchObject({ exit: 1, verdict: { accepted: false } });
    }
  });

  it('a root of one technology leaves the vendor root of the other in place', async () => {
    const outcome = await verify({ file: 'tdx/v4-uptodate.quote', collateral: 'tdx/v4-uptodate.collateral.json', at: '1752919234', roots: ['evidence/roots/nsm.pem'] });
    expect(outcome).toMatchObject(ACCEPTED);
  });
});

describe('the command itself', () => {
  const good: Partial<VerifyCommandOptions> = { file: 'tdx/v4-uptodate.quote', collateral: 'tdx/v4-uptodate.collateral.json', at: '1752919234' };

  it.each<[string, Partial<VerifyCommandOptions>, string]>([
    ['a missing file', { file: 'no-such-file' }, 'INPUT_UNREADABLE'],
    ['a file that is no evidence', { file: 'evidence/index.json' }, 'INPUT_UNREADABLE'],
    ['missing collateral', { ...good, collateral: 'no-such-file' }, 'INPUT_UNREADABLE'],
    ['collateral that is none', { ...good, collateral: 'guest-agent/sys-config.json' }, 'INPUT_UNREADABLE'],
    ['answers that are none', { ...good, collateral: 'kms/boot-info.json' }, 'INPUT_UNREADABLE'],
    ['a root that is none', { ...good, roots: ['evidence/index.json'] }, 'INPUT_UNREADABLE'],
    ['a time that is none', { ...good, at: 'yesterday' }, 'USAGE'],
    ['report data that are not hex', { ...good, reportData: 'xy' }, 'USAGE'],
    ['report data of 65 bytes', { ...good, reportData: '00'.repeat(65) }, 'USAGE'],
  ])('%s: exit 2', async (_, options, code) => {
    const { exit, verdict, err } = await verify(options);
    expect({ exit, verdict }).toEqual({ exit: 2, verdict: { accepted: false, code, claims: {} } });
    expect(err).toHaveLength(1);
  });

  it('a root with a key no vendor uses: exit 2', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const { der } = certificate({ subject: 'root', key: privateKey, issuer: { subject: 'root', key: testKey('root') } });
    expect(await verify({ ...good, roots: ['odd.der'] }, { 'odd.der': der })).toMatchObject({ exit: 2, verdict: { code: 'INPUT_UNREADABLE' } });
  });

  it('an empty file: exit 2', async () => {
    expect(await verify({ file: 'empty' }, { empty: new Uint8Array() })).toMatchObject({ exit: 2 });
  });

  it('evidence that is cut short is refused, not unreadable', async () => {
    const cut = vector('evidence/tdx.bin').subarray(0, 4000);
    expect(await verify({ file: 'cut' }, { cut })).toMatchObject(refused('ATTESTATION_MALFORMED'));
    const cutQuote = vector('tdx/v4-uptodate.quote').subarray(0, 600);
    expect(await verify({ file: 'cutQuote' }, { cutQuote })).toMatchObject(refused('QUOTE_MALFORMED'));
  });

  it('prints text for people, without control characters of the evidence', async () => {
    const accepted = await verify({ ...good, json: false });
    expect([accepted.exit, accepted.out[0]]).toEqual([0, 'ACCEPTED']);
    expect(accepted.out).toContain('tcbStatus: UpToDate');
    const late = await verify({ ...good, at: '1752919235', json: false });
    expect([late.exit, late.out[0]?.startsWith('REFUSED ')]).toEqual([1, true]);
    const attestation = Buffer.concat([Buffer.from('00020884', 'hex'), Buffer.from('4000', 'hex'), Buffer.alloc(64), Buffer.from('18', 'hex'), Buffer.from('\u001b[2J\r\n')]);
    const hostile = await verify({ file: 'hostile', json: false }, { hostile: attestation });
    expect(hostile.out.join('')).not.toMatch(/\p{Cc}/u);
  });

  it('uses the present time unless told otherwise', async () => {
    expect(await verify({ ...good, at: null })).toMatchObject({ exit: 1 });
  });
});

import { describe, expect, it } from 'vitest';
import { appraise, judge } from '../../../src/attestation/appraisal/appraise.js';
import { ANY_MEASUREMENT, type AppraisalPolicy, STRICT_POLICY } from '../../../src/attestation/appraisal/policy.js';
import { type TcbFinding, tcbClaims } from '../../../src/attestation/appraisal/tcb.js';
import { appInfo } from '../../../src/attestation/evidence/measurements.js';
import { verifyAttestation } from '../../../src/attestation/evidence/verify.js';
import { VerifierCache } from '../../../src/attestation/evidence/verifier-cache.js';
import { decodeAttestation } from '../../../src/attestation/wire/decode.js';
import { evidenceCertificates, evidenceCollateral, evidenceIndex, evidenceRoots } from '../evidence/evidence-index.js';
import { hex, vector } from '../vectors.js';

const verified = (file: string) =>
  verifyAttestation(decodeAttestation(vector(`evidence/${file}`)), { now: evidenceIndex.made_at, roots: evidenceRoots, collateral: evidenceCollateral(), certificates: evidenceCertificates(), cache: new VerifierCache() });
const refusal = (code: string) => expect.objectContaining({ name: 'AppraisalError', code });

describe('TCB status', () => {
  const DAY = 86_400;
  const finding = (status: string, advisoryIds: readonly string[] = [], change: Partial<TcbFinding> = {}): TcbFinding => ({
    status,
    advisoryIds,
    facts: { tcbDate: 1_000 * DAY, evaluationDataNumber: 17 },
    at: 1_010 * DAY,
    ...change,
  });
  const refusals = (given: TcbFinding, policy: AppraisalPolicy) => tcbClaims(given, policy).flatMap(({ refusal: found }) => found?.code ?? []);
  const relaxed = { ...STRICT_POLICY, acceptedTcbStatuses: ['UpToDate', 'SWHardeningNeeded'] };

  it('only UpToDate by default', () => {
    expect(refusals(finding('UpToDate', ['INTEL-SA-00615']), STRICT_POLICY)).toEqual([]);
    for (const status of ['SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded', 'Revoked', '', 'uptodate']) {
      expect(refusals(finding(status), STRICT_POLICY)).toEqual(['TCB_STATUS_NOT_ACCEPTED']);
    }
  });

  it('advisories of a relaxed status must be accepted one by one, or all', () => {
    const listed = { ...relaxed, acceptedAdvisoryIds: ['INTEL-SA-00615'] };
    expect(refusals(finding('SWHardeningNeeded'), relaxed)).toEqual([]);
    expect(refusals(finding('SWHardeningNeeded', ['INTEL-SA-00615']), relaxed)).toEqual(['ADVISORY_NOT_ACCEPTED']);
    expect(refusals(finding('SWHardeningNeeded', ['INTEL-SA-00615']), listed)).toEqual([]);
    expect(refusals(finding('SWHardeningNeeded', ['INTEL-SA-00615', 'INTEL-SA-00289']), listed)).toEqual(['ADVISORY_NOT_ACCEPTED']);
    expect(refusals(finding('SWHardeningNeeded', ['INTEL-SA-00289']), { ...relaxed, acceptedAdvisoryIds: 'any' })).toEqual([]);
  });

  it('any other status has the grace period, counted from the date of its level, to its last second', () => {
    const graced = { ...STRICT_POLICY, tcbGraceSeconds: 10 * DAY };
    expect(refusals(finding('OutOfDate'), graced)).toEqual([]);
    expect(refusals(finding('OutOfDate', [], { at: 1_010 * DAY + 1 }), graced)).toEqual(['TCB_STATUS_NOT_ACCEPTED']);
    expect(refusals(finding('OutOfDate', ['INTEL-SA-00615']), graced)).toEqual(['ADVISORY_NOT_ACCEPTED']);
    expect(refusals(finding('OutOfDate', [], { at: 1_010 * DAY + 0.999 }), graced)).toEqual([]);
    expect(refusals(finding('OutOfDate', [], { at: 999 * DAY }), { ...graced, tcbGraceSeconds: 0 })).toEqual(['TCB_STATUS_NOT_ACCEPTED']);
    expect(refusals(finding('OutOfDate', [], { at: Number.NaN }), graced)).toEqual(['TCB_STATUS_NOT_ACCEPTED']);
    for (const never of [finding('Revoked'), finding(''), finding('OutOfDate', [], { facts: null }), finding('OutOfDate', [], { facts: { tcbDate: null, evaluationDataNumber: 17 } })]) {
      expect(refusals(never, graced)).toEqual(['TCB_STATUS_NOT_ACCEPTED']);
    }
  });

  it('Revoked is accepted by no list', () => {
    expect(refusals(finding('Revoked'), { ...STRICT_POLICY, acceptedTcbStatuses: ['UpToDate', 'Revoked'], tcbGraceSeconds: 100 * DAY, acceptedAdvisoryIds: 'any' })).toEqual(['TCB_STATUS_NOT_ACCEPTED']);
  });

  it('rests on collateral of no lower edition than asked for', () => {
    expect(refusals(finding('UpToDate'), { ...STRICT_POLICY, minimumTcbEvaluationNumber: 17 })).toEqual([]);
    expect(refusals(finding('UpToDate'), { ...STRICT_POLICY, minimumTcbEvaluationNumber: 18 })).toEqual(['TCB_EVALUATION_TOO_OLD']);
    expect(refusals(finding('UpToDate', [], { facts: null }), { ...STRICT_POLICY, minimumTcbEvaluationNumber: 18 })).toEqual([]);
  });

  it('is judged for TDX, and Nitro, which has none, is not locked out by it', async () => {
    const tdx = await verified('tdx.bin');
    expect(() => appraise(tdx, { ...STRICT_POLICY, acceptedTcbStatuses: [] })).toThrow(refusal('TCB_STATUS_NOT_ACCEPTED'));
    expect(() => appraise({ ...tdx, tcbStatus: '' }, STRICT_POLICY)).toThrow(refusal('TCB_STATUS_NOT_ACCEPTED'));
    expect(() => appraise({ ...tdx, tcb: null }, { ...STRICT_POLICY, minimumTcbEvaluationNumber: 1 })).toThrow(refusal('TCB_EVALUATION_TOO_OLD'));
    const nitro = await verified('nitro.bin');
    expect(() => appraise(nitro, STRICT_POLICY)).not.toThrow();
    const snp = await verified('sev-snp.bin');
    expect(() => appraise(snp, { ...STRICT_POLICY, minimumTcbEvaluationNumber: 1 })).not.toThrow();
    expect(() => appraise({ ...snp, tcbStatus: 'OutOfDate' }, { ...STRICT_POLICY, tcbGraceSeconds: 366 * DAY })).toThrow(refusal('TCB_STATUS_NOT_ACCEPTED'));
  });
});

describe('the verdict', () => {
  const NAMES = ['hardware', 'debug-disabled', 'page-removal-hidden', 'tcb-status', 'advisories', 'tcb-evaluation-number', 'image-measured', 'application-measured', 'measurements-listed'];

  it.each<[string, string]>([
    ['tdx.bin', 'affirming affirming affirming affirming affirming affirming none affirming none'],
    ['gcp-tdx.bin', 'affirming affirming affirming affirming affirming affirming none affirming none'],
    ['sev-snp.bin', 'affirming affirming none affirming none none none affirming none'],
    ['nitro.bin', 'affirming affirming none none none none affirming none none'],
  ])('of %s says what the platform has, and "none" of what it has not', async (file, tiers) => {
    const { accepted, claims } = judge(await verified(file), STRICT_POLICY);
    expect({ accepted, tiers: claims.map(({ tier }) => tier).join(' ') }).toEqual({ accepted: true, tiers });
  });

  it.each(['tdx.bin', 'gcp-tdx.bin', 'sev-snp.bin', 'nitro.bin', 'nitro-debug.bin'])('of %s has the same names in the same order', async (file) => {
    expect(judge(await verified(file), STRICT_POLICY).claims.map(({ name }) => name)).toEqual(NAMES);
  });

  it('gives every reason, each with its claim', async () => {
    const tdx = await verified('tdx.bin');
    const { accepted, claims, reasons } = judge({ ...tdx, tcbStatus: 'OutOfDate', advisoryIds: ['INTEL-SA-1'] }, { ...STRICT_POLICY, minimumTcbEvaluationNumber: 0xffff_ffff });
    expect(accepted).toBe(false);
    expect(reasons.map(({ code }) => code)).toEqual(['TCB_STATUS_NOT_ACCEPTED', 'ADVISORY_NOT_ACCEPTED', 'TCB_EVALUATION_TOO_OLD']);
    expect(claims.filter(({ tier }) => tier === 'contraindicated').map(({ refusal: found }) => found)).toEqual(reasons);
  });

  it('lets no policy relax debug mode or SEPT_VE_DISABLE of a trust domain', async () => {
    const tdx = await verified('tdx.bin');
    if (tdx.platform.kind !== 'tdx') throw new Error('not TDX');
    const { report } = tdx.platform;
    const withAttributes = (hexText: string) => ({ ...tdx, platform: { kind: 'tdx' as const, ppid: new Uint8Array(16), report: { ...report, tdAttributes: Buffer.from(hexText, 'hex') } } });
    const lax = { ...STRICT_POLICY, insecureAllowDebug: true };
    expect(() => appraise(withAttributes('0100001000000000'), lax)).toThrow(refusal('DEBUG_MODE'));
    expect(() => appraise(withAttributes('0000000000000000'), lax)).toThrow(refusal('SEPT_VE_ENABLED'));
    expect(() => appraise(withAttributes('0000001000000000'), lax)).not.toThrow();
  });

  it('compares with the lists that are there', async () => {
    for (const file of ['tdx.bin', 'nitro.bin']) {
      const evidence = await verified(file);
      const { mrAggregated, osImageHash } = appInfo(evidence, { view: 'runtime' });
      const lists = { ...ANY_MEASUREMENT, mrAggregated: [hex(mrAggregated)], osImageHash: ['00'.repeat(32), hex(osImageHash)] };
      expect(() => appraise(evidence, { ...STRICT_POLICY, measurements: lists })).not.toThrow();
      expect(() => appraise(evidence, { ...STRICT_POLICY, measurements: { ...lists, deviceId: [] } })).toThrow(refusal('MEASUREMENT_NOT_LISTED'));
      expect(() => appraise(evidence, { ...STRICT_POLICY, measurements: { ...lists, mrAggregated: ['00'.repeat(32)] } })).toThrow(refusal('MEASUREMENT_NOT_LISTED'));
    }
  });
});

describe('Nitro enclaves', () => {
  it('in debug mode are refused unless debug is allowed', async () => {
    const debug = await verified('nitro-debug.bin');
    expect(() => appraise(debug, STRICT_POLICY)).toThrow(refusal('DEBUG_MODE'));
    expect(() => appraise(debug, { ...STRICT_POLICY, insecureAllowDebug: true })).not.toThrow();
  });

  it('must name the image that was measured, embedded or given, and no other in either', async () => {
    const mismatch = await verified('nitro-image-hash-mismatch.bin');
    const right = JSON.stringify({ os_image_hash: evidenceIndex.cases.find(({ file }) => file === 'nitro.bin')?.app_info?.os_image_hash });
    expect(() => appraise(mismatch, STRICT_POLICY)).toThrow(refusal('IMAGE_HASH_MISMATCH'));
    expect(() => appraise(mismatch, { ...STRICT_POLICY, insecureAllowDebug: true })).toThrow(refusal('IMAGE_HASH_MISMATCH'));
    expect(() => appraise(mismatch, STRICT_POLICY, right)).toThrow(refusal('IMAGE_HASH_MISMATCH'));
    const nitro = await verified('nitro.bin');
    expect(() => appraise(nitro, STRICT_POLICY, right)).not.toThrow();
    const { attestation } = nitro;
    const silent = { ...nitro, attestation: { ...attestation, stack: { ...attestation.stack, config: '' } } };
    expect(() => appraise(silent, STRICT_POLICY, right)).not.toThrow();
    expect(() => appraise(silent, STRICT_POLICY)).toThrow(refusal('IMAGE_HASH_MISMATCH'));
    expect(() => appraise(nitro, STRICT_POLICY, '{}')).toThrow(refusal('IMAGE_HASH_MISMATCH'));
    expect(() => appraise(nitro, STRICT_POLICY, JSON.stringify({ os_image_hash: '05'.repeat(32) }))).toThrow(refusal('IMAGE_HASH_MISMATCH'));
  });
});

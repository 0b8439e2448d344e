import { describe, expect, it } from 'vitest';
import { appraise, appraiseTcb, STRICT_POLICY } from '../../../src/attestation/appraisal/appraise.js';
import { verifyAttestation } from '../../../src/attestation/evidence/verify.js';
import { VerifierCache } from '../../../src/attestation/evidence/verifier-cache.js';
import { decodeAttestation } from '../../../src/attestation/wire/decode.js';
import { evidenceCollateral, evidenceIndex, evidenceRoots } from '../evidence/evidence-index.js';
import { vector } from '../vectors.js';

const verified = (file: string) =>
  verifyAttestation(decodeAttestation(vector(`evidence/${file}`)), { now: evidenceIndex.made_at, roots: evidenceRoots, collateral: evidenceCollateral(), cache: new VerifierCache() });
const refusal = (code: string) => expect.objectContaining({ name: 'AppraisalError', code });

describe('TCB status', () => {
  const relaxed = { ...STRICT_POLICY, acceptedTcbStatuses: ['UpToDate', 'SWHardeningNeeded'] };

  it('only UpToDate by default', () => {
    expect(() => appraiseTcb('UpToDate', [], STRICT_POLICY)).not.toThrow();
    for (const status of ['SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded', 'Revoked', '', 'uptodate']) {
      expect(() => appraiseTcb(status, [], STRICT_POLICY)).toThrow(refusal('TCB_STATUS_NOT_ACCEPTED'));
    }
  });

  it('advisories of a relaxed status must be accepted one by one, or all', () => {
    expect(() => appraiseTcb('SWHardeningNeeded', [], relaxed)).not.toThrow();
    expect(() => appraiseTcb('SWHardeningNeeded', ['INTEL-SA-00615'], relaxed)).toThrow(refusal('ADVISORY_NOT_ACCEPTED'));
    const listed = { ...relaxed, acceptedAdvisoryIds: ['INTEL-SA-00615'] };
    expect(() => appraiseTcb('SWHardeningNeeded', ['INTEL-SA-00615'], listed)).not.toThrow();
    expect(() => appraiseTcb('SWHardeningNeeded', ['INTEL-SA-00615', 'INTEL-SA-00289'], listed)).toThrow(refusal('ADVISORY_NOT_ACCEPTED'));
    expect(() => appraiseTcb('SWHardeningNeeded', ['INTEL-SA-00289'], { ...relaxed, acceptedAdvisoryIds: 'any' })).not.toThrow();
  });

  it('is judged for TDX, and Nitro, which has none, is not locked out by it', async () => {
    const tdx = await verified('tdx.bin');
    expect(() => appraise(tdx, { ...STRICT_POLICY, acceptedTcbStatuses: [] })).toThrow(refusal('TCB_STATUS_NOT_ACCEPTED'));
    expect(() => appraise({ ...tdx, tcbStatus: '' }, STRICT_POLICY)).toThrow(refusal('TCB_STATUS_NOT_ACCEPTED'));
    const nitro = await verified('nitro.bin');
    expect(() => appraise(nitro, STRICT_POLICY)).not.toThrow();
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

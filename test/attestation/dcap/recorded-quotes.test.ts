import { QuoteVerifier } from '@phala/dcap-qvl';
import { describe, expect, test } from 'vitest';
import { checkCollateral } from '../../../src/attestation/dcap/checked-collateral.js';
import { parseCollateralJson } from '../../../src/attestation/dcap/collateral-format.js';
import { collateralRequestOf } from '../../../src/attestation/dcap/pck-chain.js';
import { verifyQuote, verifyQuoteWith } from '../../../src/attestation/dcap/verify-quote.js';
import { vendorRoots } from '../../../src/attestation/roots/vendor-roots.js';
import { parseQuote } from '../../../src/attestation/tdx/quote.js';
import { VerificationError } from '../../../src/errors/verification-error.js';
import { hex, unhex, vector, vectorText } from '../vectors.js';

const root = vendorRoots().tdx;

const recorded = {
  v4: { quote: vector('tdx/v4-uptodate.quote'), text: vectorText('tdx/v4-uptodate.collateral.json'), now: 1_752_919_234 },
  v5: { quote: vector('tdx/v5-td15.quote'), text: vectorText('tdx/v5-td15.collateral.json'), now: 1_774_003_274 },
  sgx: { quote: vector('sgx/v3.quote'), text: vectorText('sgx/v3.collateral.json'), now: 1_752_919_277 },
};
type Recorded = (typeof recorded)['v4'];

function verify({ quote, text, now }: Recorded): ReturnType<typeof verifyQuote> {
  return verifyQuote(quote, parseCollateralJson(text), { now, root });
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('quotes of real machines', () => {
  test('TDX version 4 is up to date', () => {
    const verdict = verify(recorded.v4);
    expect(verdict).toMatchObject({ status: 'UpToDate', advisoryIds: [], teeType: 'tdx', version: 4, qeStatus: { status: 'UpToDate' } });
    expect(hex(verdict.fmspc)).toBe('b0c06f000000');
    expect(verdict.ppid).toHaveLength(16);
    expect(verdict.validUntil).toBe(1_752_919_234);
  });

  test('SGX version 3 has its advisories', () => {
    const verdict = verify(recorded.sgx);
    expect(verdict).toMatchObject({
      status: 'ConfigurationAndSWHardeningNeeded',
      advisoryIds: ['INTEL-SA-00289', 'INTEL-SA-00615'],
      teeType: 'sgx',
      version: 3,
    });
    expect(hex(verdict.fmspc)).toBe('00a067110000');
  });

  test('TDX version 5 is refused for its versions alone: every signature holds', () => {
    expect(codeOf(() => verify(recorded.v5))).toBe('TCB_LEVEL_NOT_FOUND');
  });

  test('without collateral of its own a quote passes every signature under that of the same platform family', () => {
    const quote = unhex(vectorText('tdx/v4-nocollateral.hex').trim().slice(2));
    const { now, text } = recorded.v4;
    expect(codeOf(() => verifyQuote(quote, parseCollateralJson(text), { now, root }))).toBe('TCB_LEVEL_NOT_FOUND');
    expect(collateralRequestOf(parseQuote(quote))).toEqual({ tee: 'tdx', fmspc: unhex('b0c06f000000'), ca: 'platform' });
  });

  test('the request names TEE and CA', () => {
    expect(collateralRequestOf(parseQuote(recorded.sgx.quote))).toEqual({ tee: 'sgx', fmspc: unhex('00a067110000'), ca: 'processor' });
  });

  test.each([
    [1_750_329_146, 'QE_IDENTITY_NOT_YET_VALID'],
    [1_750_329_147, 'accepted'],
    [1_752_919_234, 'accepted'],
    [1_752_919_235, 'CRL_EXPIRED'],
    [1_752_920_163, 'CRL_EXPIRED'],
    [1_752_920_164, 'TCB_INFO_EXPIRED'],
  ])('the valid window is exact: %i is %s', (now, expected) => {
    expect(codeOf(() => verify({ ...recorded.v4, now }))).toBe(expected);
    const { quote, text } = recorded.v4;
    const checked = checkCollateral(parseCollateralJson(text), { root, now: 1_752_919_000 });
    verifyQuoteWith(checked, quote, 1_752_919_000);
    expect(codeOf(() => verifyQuoteWith(checked, quote, now))).toBe(expected);
  });

  test('TDX collateral does not judge an SGX quote, nor the other way round', () => {
    expect(codeOf(() => verify({ ...recorded.sgx, text: recorded.v4.text }))).toBe('QE_IDENTITY_NOT_FOR_TEE');
    expect(codeOf(() => verify({ ...recorded.v4, text: recorded.sgx.text }))).toBe('QE_IDENTITY_NOT_FOR_TEE');
  });
});

describe('the independent verifier agrees', () => {
  const oracle = QuoteVerifier.newProd();
  test.each([['v4', recorded.v4], ['sgx', recorded.sgx]] as const)('%s', (_name, given) => {
    const theirs = oracle.verify(given.quote, JSON.parse(given.text), given.now);
    const ours = verify(given);
    expect({ status: ours.status, advisories: ours.advisoryIds }).toEqual({ status: String(theirs.status), advisories: theirs.advisory_ids });
  });

  test('v5 is refused by both', () => {
    expect(() => oracle.verify(recorded.v5.quote, JSON.parse(recorded.v5.text), recorded.v5.now)).toThrow();
  });
});

describe('a flipped byte', () => {
  const { quote, text, now } = recorded.v4;
  const collateral = parseCollateralJson(text);

  function claims({ report, ppid, ...rest }: ReturnType<typeof verifyQuote>): unknown {
    return { ...rest, ppid: hex(ppid), report: Object.values(report).map((field) => (field instanceof Uint8Array ? hex(field) : Array.isArray(field) ? field.map(hex) : field)) };
  }

  function outcome(run: () => ReturnType<typeof verifyQuote>): string {
    try {
      return JSON.stringify(claims(run()));
    } catch (error) {
      if (error instanceof VerificationError) return 'refused';
      throw error;
    }
  }

  const offsets = (length: number, step: number): number[] => Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step);
  const flipped = (bytes: Uint8Array, at: number, mask: number): Uint8Array => Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ mask : byte));

  test.each(['rootCaCrl', 'pckCrl', 'tcbInfoSignature', 'qeIdentitySignature'] as const)('in %s is refused', (field) => {
    for (const at of offsets(collateral[field].length, 11)) {
      const changed = { ...collateral, [field]: flipped(collateral[field], at, 0x10) };
      expect(outcome(() => verifyQuote(quote, changed, { now, root }))).toBe('refused');
    }
  });

  test.each(['tcbInfo', 'qeIdentity'] as const)('in %s is refused', (field) => {
    for (const at of offsets(collateral[field].length, 13)) {
      const changed = Buffer.from(flipped(Buffer.from(collateral[field]), at, 0x01)).toString('latin1');
      expect(outcome(() => verifyQuote(quote, { ...collateral, [field]: changed }, { now, root }))).toBe('refused');
    }
  });

  test('truncated anywhere is refused', () => {
    for (const length of offsets(4936, 37)) expect(codeOf(() => parseQuote(quote.subarray(0, length)))).toBe('QUOTE_MALFORMED');
  });
});

import { QuoteVerifier } from '@phala/dcap-qvl';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { QuoteCollateral } from '../../../src/attestation/collateral.js';
import { TCB_STATUSES } from '../../../src/attestation/dcap/tcb-status.js';
import { verifyQuote } from '../../../src/attestation/dcap/verify-quote.js';
import { DstackError } from '../../../src/errors/base.js';
import { hex } from '../vectors.js';
import { collateral, isvLevel, level, NOW, qeIdentity, quote, root, tcbInfo } from './mini-platform.js';

const oracle = QuoteVerifier.newWithRootCa(Buffer.from(root.der));

function theirs(bytes: Uint8Array, given: QuoteCollateral): string {
  try {
    const { status, advisory_ids: advisories } = oracle.verify(
      bytes,
      {
        pck_crl_issuer_chain: given.pckCrlIssuerChain,
        root_ca_crl: hex(given.rootCaCrl),
        pck_crl: hex(given.pckCrl),
        tcb_info_issuer_chain: given.tcbInfoIssuerChain,
        tcb_info: given.tcbInfo,
        tcb_info_signature: hex(given.tcbInfoSignature),
        qe_identity_issuer_chain: given.qeIdentityIssuerChain,
        qe_identity: given.qeIdentity,
        qe_identity_signature: hex(given.qeIdentitySignature),
      },
      NOW,
    );
    return JSON.stringify([String(status), advisories]);
  } catch {
    return 'refused';
  }
}

function ours(bytes: Uint8Array, given: QuoteCollateral): string {
  try {
    const { status, advisoryIds } = verifyQuote(bytes, given, { now: NOW, root: root.der });
    return JSON.stringify([status, advisoryIds]);
  } catch (error) {
    if (error instanceof DstackError) return 'refused';
    throw error;
  }
}

const status = fc.constantFrom(...TCB_STATUSES);
const advisories = fc.uniqueArray(fc.constantFrom('A', 'B', 'C', 'D'), { maxLength: 3 });
const svns = (max: number): fc.Arbitrary<number[]> => fc.array(fc.integer({ min: 0, max }), { minLength: 16, maxLength: 16 });
const tcbLevel = fc.record({ sgx: fc.oneof(fc.constant(Array<number>(16).fill(0)), svns(5)), tdx: fc.oneof(fc.constant(Array<number>(16).fill(0)), svns(2)), pcesvn: fc.integer({ min: 9, max: 12 }), status, advisories });
/** Highest first, as Intel publishes them: the oracle takes them in the order given. */
const order = ({ sgx, pcesvn, tdx }: { sgx: number[]; pcesvn: number; tdx: number[] }): string => [...sgx, pcesvn, ...tdx].map((svn) => String(svn).padStart(2, '0')).join();
const published = fc.array(tcbLevel, { minLength: 1, maxLength: 4 }).map((levels) => levels.toSorted((a, b) => (order(a) < order(b) ? 1 : order(a) > order(b) ? -1 : 0)).map(level));
const isv = (max: number): fc.Arbitrary<Record<string, unknown>[]> =>
  fc.array(fc.tuple(fc.integer({ min: 0, max }), status, advisories).map((parts) => isvLevel(...parts)), { minLength: 1, maxLength: 3 });

// PERFMON (bit 63) and bit 39 are left alone: the oracle lets them pass, this project refuses them (trap T10). It does not know
// TDX module identities either, and does not sort levels.
const attributes = fc.constantFrom<readonly [number, number]>([3, 0x10], [3, 0x50], [3, 0x90], [3, 0], [0, 1], [1, 1]);

test('the independent verifier comes to the same status and advisories for any platform', () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.record({ levels: published, qe: isv(5), attributes, svn: svns(2) }),
      ({ levels, qe, attributes: [at, value], svn }) => {
        const given = collateral({
          tcb: tcbInfo({ tcbLevels: levels }),
          qe: qeIdentity({ tcbLevels: qe }),
        });
        const bytes = quote({
          body: (body) => {
            body.set(svn);
            body[1] = 0;
            body[120 + at] = (at === 3 ? 0 : (body[120 + at] ?? 0)) | value;
          },
        });
        const result = ours(bytes, given);
        if (result !== 'refused') accepted++;
        expect(result).toBe(theirs(bytes, given));
      },
    ),
    { numRuns: 150, seed: 7 },
  );
  expect(accepted).toBeGreaterThan(10);
}, 60_000);

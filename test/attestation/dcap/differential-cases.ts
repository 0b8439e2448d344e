import type { QuoteCollateral } from '../../../src/attestation/collateral.js';
import { TCB_STATUSES } from '../../../src/attestation/dcap/tcb-status.js';
import { certificate, crl, extension, pem, testKey } from '../../x509/mini-ca.js';
import {
  BASE_MODULE, collateral, isvLevel, level, NOW, pckCa, pckExtension, pckLeaf, qeIdentity, quote, root, sgxTcbInfo, tcbInfo, tcbSigner,
} from './mini-platform.js';
import type { QuoteOptions } from './mini-platform.js';

/** One quote with its collateral. Cases of a class are expected to agree, or to disagree for one reason. */
export interface DifferentialCase {
  readonly kind: string;
  readonly quote: Uint8Array;
  readonly collateral: QuoteCollateral;
  readonly now: number;
}

type Documents = NonNullable<Parameters<typeof collateral>[0]>;

function given(kind: string, options: QuoteOptions = {}, documents: Documents = {}, now = NOW): DifferentialCase {
  return { kind, quote: quote(options), collateral: collateral(documents), now };
}

const sixteen = (at: number, value: number, rest = 0): number[] => Array.from({ length: 16 }, (_, i) => (i === at ? value : rest));
const setBit = (offset: number, bit: number) => (bytes: Buffer): void => {
  const at = offset + (bit >> 3);
  bytes[at] = (bytes[at] ?? 0) | (1 << (bit & 7));
};
const setByte = (at: number, value: number) => (bytes: Buffer): void => {
  bytes[at] = value;
};
const flip = (bytes: Uint8Array, at: number): Uint8Array => Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 0x10 : byte));
const chainOf = (text: string): QuoteOptions => ({ certification: { type: 5, data: Buffer.from(text) } });

function statuses(): DifferentialCase[] {
  return TCB_STATUSES.flatMap((platform) =>
    TCB_STATUSES.flatMap((qe) => {
      const documents = (id: string, tdx: number[] | null): Documents => ({
        tcb: (tdx === null ? sgxTcbInfo : tcbInfo)({ tcbLevels: [level({ tdx, status: platform, advisories: ['P', 'S'] })] }),
        qe: qeIdentity({ id, tcbLevels: [isvLevel(4, qe, ['S', 'Q'])] }),
      });
      return [given('status of a trust domain', {}, documents('TD_QE', sixteen(0, 0))), given('status of an enclave', { version: 3 }, documents('QE', null))];
    }),
  );
}

function modules(): DifferentialCase[] {
  const withIdentity = (kind: string, svn: number, identity: Record<string, unknown>): DifferentialCase =>
    given(kind, { body: (body) => body.set([svn, 1]) }, { tcb: tcbInfo({ tdxModuleIdentities: [{ id: 'TDX_01', ...BASE_MODULE, tcbLevels: [isvLevel(2)], ...identity }] }) });
  return [
    ...TCB_STATUSES.map((status) => withIdentity(`module status ${status}`, 3, { tcbLevels: [isvLevel(2, status, ['M'])] })),
    withIdentity('module below its levels', 1, {}),
    withIdentity('module without identity', 3, { id: 'TDX_02' }),
    withIdentity('module of another signer than its identity says', 3, { mrsigner: '11'.repeat(48) }),
    withIdentity('module with other attributes than its identity says', 3, { attributes: '01'.padEnd(16, '0') }),
    given('module of another signer', { body: setByte(64, 1) }),
    given('module attributes', { body: setByte(112, 1) }),
    given('no tdxModule', {}, { tcb: tcbInfo({ tdxModule: null }) }),
  ];
}

function times(): DifferentialCase[] {
  const start = Date.parse('2027-01-14T00:00:00Z') / 1000;
  const end = Date.parse('2027-02-14T00:00:00Z') / 1000;
  const leaf = (changes: { notBefore?: number; notAfter?: number }): QuoteOptions => chainOf(pem(certificate({ subject: 'p', key: pckLeaf.key, issuer: pckCa, extensions: [pckExtension()], ...changes }), pckCa, root));
  return [
    ...[start - 1, start, NOW, end, end + 1].map((now) => given('validity of the documents', {}, {}, now)),
    ...[-1, 0, 1].flatMap((second) => [
      given('validity of a certificate', leaf({ notBefore: NOW - second })),
      given('validity of a certificate', leaf({ notAfter: NOW + second })),
      given(second > 0 ? 'root list not yet ended' : 'root list ended', {}, { changes: { rootCaCrl: crl({ issuer: root, nextUpdate: NOW + second }) } }),
      given(second > 0 ? 'PCK list not yet ended' : 'PCK list ended', {}, { changes: { pckCrl: crl({ issuer: pckCa, nextUpdate: NOW + second }) } }),
    ]),
    given('QE identity alone expired', {}, { qe: qeIdentity({ nextUpdate: '2027-01-14T12:00:00Z' }) }),
    given('QE identity alone not yet valid', {}, { qe: qeIdentity({ issueDate: '2027-02-01T00:00:00Z' }) }),
  ];
}

function revocation(): DifferentialCase[] {
  return [
    ...[1, 2, 4].map((serial) => given('revoked by the root', {}, { changes: { rootCaCrl: crl({ issuer: root, revoked: [9, serial] }) } })),
    given('PCK revoked', {}, { changes: { pckCrl: crl({ issuer: pckCa, revoked: [3] }) } }),
    given('serial revoked by another issuer', {}, { changes: { pckCrl: crl({ issuer: pckCa, revoked: [1, 2, 4] }) } }),
    given('serial revoked by another issuer', {}, { changes: { rootCaCrl: crl({ issuer: root, revoked: [3] }) } }),
    given('no PCK list', {}, { changes: { pckCrl: crl({ issuer: root }) } }),
    given('no root list', {}, { changes: { rootCaCrl: crl({ issuer: pckCa }) } }),
  ];
}

function signatures(): DifferentialCase[] {
  const genuine = collateral();
  const flips = (['tcbInfoSignature', 'qeIdentitySignature'] as const).flatMap((field) => [0, 31, 32, 63].map((at) => given(`signature in ${field}`, {}, { changes: { [field]: flip(genuine[field], at) } })));
  const lists = (['rootCaCrl', 'pckCrl'] as const).map((field) => given(`signature of ${field}`, {}, { changes: { [field]: flip(genuine[field], genuine[field].length - 1) } }));
  const bytes = quote();
  // The quote's signature, its attestation key, and the QE report with its signature.
  const inQuote = [0, 40, 100, 300, 600, 631, 636, 667, 699, 700, 740, 770, 900, 1154, 1200].map((at) => ({ ...given('signature in the quote'), quote: flip(bytes, at) }));
  const mallory = testKey('mallory');
  return [
    ...flips, ...lists, ...inQuote,
    given('QE report by another key', { pckKey: mallory }),
    given('PCK by another CA', chainOf(pem(certificate({ subject: 'x', key: pckLeaf.key, issuer: { ...pckCa, key: mallory }, extensions: [pckExtension()] }), pckCa))),
    given('PCK CA by another root', chainOf(pem(pckLeaf, certificate({ subject: pckCa.subject, key: pckCa.key, issuer: { ...root, key: mallory }, extensions: [extension.ca(0)] })))),
    given('TCB signer by another root', {}, { changes: { tcbInfoIssuerChain: pem(certificate({ subject: 's', key: tcbSigner.key, issuer: { ...root, key: mallory } }), root) } }),
  ];
}

function quotingEnclave(): DifferentialCase[] {
  const report = (at: number, value: number): DifferentialCase => given('QE report against its identity', { qeReport: setByte(at, value) });
  return [
    ...[0, 1, 15].flatMap((i) => [report(48 + i, 0x13), report(128 + i, 0)]),
    report(16, 1), report(19, 0x80), report(256, 1), report(257, 1), report(258, 3), report(258, 5), report(320, 0),
    ...['QE', 'TD_QE2'].map((id) => given('QE identity of another kind', {}, { qe: qeIdentity({ id }) })),
    ...[1, 2, 3, 4].map((version) => given('QE identity version', {}, { qe: qeIdentity({ version }) })),
    ...[0, 31, 33].map((length) => given('QE authentication data of another length', { qeAuthData: new Uint8Array(length) })),
    ...[2, 3].map((type) => given('certification without certificates', { certification: { type, data: new Uint8Array(404) } })),
  ];
}

function versions(): DifferentialCase[] {
  const everySvn = Array.from({ length: 16 }, (_, i) => i);
  const tcb = (levels: readonly unknown[]): Documents => ({ tcb: tcbInfo({ tcbLevels: levels }) });
  return [
    ...everySvn.flatMap((at) => [5, 6].map((svn) => given('SGX component', {}, tcb([level({ sgx: sixteen(at, svn, 5) }), level({ status: 'OutOfDate', advisories: ['A'] })])))),
    ...everySvn.filter((at) => at !== 1).flatMap((at) => [2, 3].map((svn) => given('TDX component', { body: (body) => body.fill(2, 0, 16).fill(0, 1, 2) }, tcb([level({ tdx: sixteen(at, svn, 0) }), level({ status: 'OutOfDate', advisories: ['A'] })])))),
    ...[10, 11, 12].map((pcesvn) => given('PCESVN', {}, tcb([level({ pcesvn }), level({ status: 'OutOfDate' })]))),
    given('no level reached', {}, tcb([level({ pcesvn: 12 })])),
    given('no levels', {}, tcb([])),
    given('levels in no order', {}, tcb([level({ status: 'OutOfDate', advisories: ['A'] }), level({ sgx: sixteen(0, 5), status: 'SWHardeningNeeded', advisories: ['B'] })])),
    ...['000000000000', '000102030406', 'ff0102030405'].map((fmspc) => given('another FMSPC', {}, { tcb: tcbInfo({ fmspc }) })),
    ...[2, 3, 4].map((version) => given('TCB info version', {}, { tcb: tcbInfo({ version }) })),
    given('TCB info of the other TEE', {}, { tcb: sgxTcbInfo() }),
  ];
}

function forms(): DifferentialCase[] {
  const enclave: Documents = { tcb: sgxTcbInfo(), qe: qeIdentity({ id: 'QE' }) };
  return [
    ...([{ version: 4 }, { version: 5, bodyType: 2 }, { version: 5, bodyType: 3 }] as const).map((options) => given('form of quote', options)),
    given('form of quote', { version: 3 }, enclave),
    given('SGX quote of version 4', { version: 4, tee: 0 }, enclave),
    given('SGX body under a TDX header', { version: 5, bodyType: 1 }),
    given('unknown TEE type', { version: 5, tee: 0x82 }),
    given('unknown key type', { keyType: 3 }),
    given('unknown vendor', { vendor: '00'.repeat(16) }),
    given('debug enclave', { version: 3, body: setByte(48, 2) }, enclave),
    given('service TD', { version: 5, body: setByte(600, 1) }),
    ...Array.from({ length: 64 }, (_, bit) => given(`TD attribute ${bit}`, { body: setBit(120, bit) })),
    given('SEPT_VE_DISABLE clear', { body: setByte(123, 0) }),
    given('text beside the PCK chain', chainOf(`${pem(pckLeaf, pckCa)}x`)),
    given('certificate that certifies nothing', chainOf(pem(pckLeaf, pckCa, tcbSigner))),
    { ...given('outer certification type'), quote: Uint8Array.from(quote(), (byte, at) => (at === 764 ? 5 : byte)) },
  ];
}

/** The same cases in every run; signatures differ from run to run, as ECDSA's do. */
export function differentialCases(): DifferentialCase[] {
  return [...statuses(), ...modules(), ...times(), ...revocation(), ...signatures(), ...quotingEnclave(), ...versions(), ...forms()];
}

import { describe, expect, test } from 'vitest';
import type { QuoteVerdict } from '../../../src/attestation/dcap/verify-quote.js';
import { verifyQuote } from '../../../src/attestation/dcap/verify-quote.js';
import type { QuoteCollateral } from '../../../src/attestation/collateral.js';
import { integer } from '../../../src/crypto/der-write.js';
import { AppraisalError } from '../../../src/errors/appraisal-error.js';
import { VerificationError } from '../../../src/errors/verification-error.js';
import type { VerificationCode } from '../../../src/errors/verification-error.js';
import { certificate, crl, extension, pem, testKey } from '../../x509/mini-ca.js';
import {
  BASE_MODULE, collateral, isvLevel, level, NOW, pckCa, pckExtension, pckLeaf, PPID, qeIdentity, quote, rawSign, root, sgxTcbInfo, tcbInfo, tcbSigner,
} from './mini-platform.js';
import type { QuoteOptions } from './mini-platform.js';

interface Case {
  readonly quote?: QuoteOptions;
  readonly collateral?: QuoteCollateral;
  readonly now?: number;
  readonly root?: Uint8Array;
}

function verify(given: Case = {}): QuoteVerdict {
  return verifyQuote(quote(given.quote), given.collateral ?? collateral(), { now: given.now ?? NOW, root: given.root ?? root.der });
}

function codeOf(given: Case): string {
  try {
    verify(given);
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    if (error instanceof AppraisalError) return `appraisal ${error.code}`;
    throw error;
  }
  return 'accepted';
}

const sgx: QuoteOptions = { version: 3 };
const sgxCollateral = (tcb = sgxTcbInfo(), qe = qeIdentity({ id: 'QE' })): QuoteCollateral => collateral({ tcb, qe });
const setByte = (offset: number, value: number) => (bytes: Buffer): void => {
  bytes[offset] = value;
};
const td = (offset: number, value: number): QuoteOptions => ({ body: setByte(120 + offset, value) });
const sixteen = (value: number): number[] => Array<number>(16).fill(value);
const withChanges = (changes: Partial<QuoteCollateral>): QuoteCollateral => collateral({ changes });

describe('a genuine quote', () => {
  test.each<[string, Case, Partial<QuoteVerdict>]>([
    ['TDX version 4', {}, { teeType: 'tdx', version: 4, status: 'UpToDate', advisoryIds: [] }],
    ['TDX version 5, TD 1.0', { quote: { version: 5, bodyType: 2 } }, { version: 5 }],
    ['TDX version 5, TD 1.5', { quote: { version: 5, bodyType: 3 } }, { version: 5 }],
    ['SGX version 3', { quote: sgx, collateral: sgxCollateral() }, { teeType: 'sgx', version: 3 }],
    ['TD_QE version 3', { collateral: collateral({ qe: qeIdentity({ version: 3 }) }) }, {}],
    ['SGX TCB info version 2', { quote: sgx, collateral: sgxCollateral(sgxTcbInfo({ version: 2 })) }, {}],
    ['tdx_pks_enabled', { quote: td(3, 0x50) }, {}],
    ['tdx_kl_enabled', { quote: td(3, 0x90) }, {}],
    ['component_svn_all_higher', { quote: { body: (body) => body.fill(9, 0, 1).fill(9, 2, 16) }, collateral: collateral({ tcb: tcbInfo({ tcbLevels: [level({ sgx: sixteen(5), pcesvn: 11 })] }) }) }, {}],
    ['a PCK chain in the collateral replaces certification data of type 3', {
      quote: { certification: { type: 3, data: new Uint8Array(404) } },
      collateral: withChanges({ pckCertificateChain: pem(pckLeaf, pckCa) }),
    }, {}],
    ['chains without the root', { collateral: withChanges({ tcbInfoIssuerChain: pem(tcbSigner), qeIdentityIssuerChain: pem(tcbSigner) }) }, {}],
    ['another certificate of the root in the PCK chain', { quote: { certification: { type: 5, data: Buffer.from(pem(pckLeaf, pckCa, certificate({ subject: root.subject, key: root.key, serial: 99, extensions: [extension.ca()] }))) } } }, {}],
    ['a lower-case FMSPC', { collateral: collateral({ tcb: tcbInfo({ fmspc: '00010203040a' }) }), quote: { certification: { type: 5, data: Buffer.from(pem(certificate({ subject: 'p', key: pckLeaf.key, issuer: pckCa, extensions: [pckExtension({ fmspc: [0, 1, 2, 3, 4, 10] })] }), pckCa)) } } }, {}],
    ['exactly at issueDate', { now: Date.parse('2027-01-14T00:00:00Z') / 1000 }, {}],
    ['exactly at nextUpdate', { now: Date.parse('2027-02-14T00:00:00Z') / 1000 }, { validUntil: Date.parse('2027-02-14T00:00:00Z') / 1000 }],
    ['unknown keys in the documents', { collateral: collateral({ tcb: tcbInfo({ future: { a: 1 } }), qe: qeIdentity({ future: [1] }) }) }, {}],
  ])('is accepted: %s', (_name, given, expected) => {
    const verdict = verify(given);
    expect(verdict).toMatchObject({ status: 'UpToDate', ...expected });
    expect(verdict.ppid).toEqual(PPID);
    expect(Buffer.from(verdict.report.reportData).toString('hex')).toBe('ab'.repeat(64));
  });
});

describe('every named refusal has its own code', () => {
  const refused: [name: string, given: Case, code: VerificationCode | `appraisal ${string}`][] = [
    // quote
    ['invalid_sgx_v4', { quote: { version: 4, tee: 0 } }, 'QUOTE_VERSION_NOT_FOR_TEE'],
    ['TDX version 3', { quote: { version: 3, tee: 0x81 } }, 'QUOTE_MALFORMED'],
    ['unknown vendor', { quote: { vendor: '00'.repeat(16) } }, 'QUOTE_VENDOR_UNKNOWN'],
    ['unknown TEE type', { quote: { version: 5, tee: 0x82 } }, 'QUOTE_TEE_TYPE_UNSUPPORTED'],
    ['key type 3', { quote: { keyType: 3 } }, 'QUOTE_KEY_TYPE_UNSUPPORTED'],
    ['SGX body under a TDX header', { quote: { version: 5, bodyType: 1 } }, 'QUOTE_BODY_NOT_FOR_TEE'],
    ['invalid_quote_signature', { quote: { attestationKey: testKey('other'), attestationPoint: new Uint8Array(Buffer.from(quote()).subarray(700, 764)) } }, 'QUOTE_SIGNATURE_INVALID'],
    ['attestation key not on the curve', { quote: { attestationPoint: new Uint8Array(64).fill(1) } }, 'QUOTE_SIGNATURE_INVALID'],
    // TCB info
    ['tcb_expired', { now: Date.parse('2027-02-14T00:00:01Z') / 1000 }, 'TCB_INFO_EXPIRED'],
    ['tcb_issue_date_future', { now: Date.parse('2027-01-13T23:59:59Z') / 1000 }, 'TCB_INFO_NOT_YET_VALID'],
    ['sgx_tcb_id_mismatch', { quote: sgx, collateral: sgxCollateral(tcbInfo()) }, 'TCB_INFO_NOT_FOR_TEE'],
    ['SGX TCB info for TDX', { collateral: collateral({ tcb: sgxTcbInfo() }) }, 'TCB_INFO_NOT_FOR_TEE'],
    ['TDX TCB info version 2', { collateral: collateral({ tcb: tcbInfo({ version: 2 }) }) }, 'TCB_INFO_NOT_FOR_TEE'],
    ['SGX TCB info version 1', { quote: sgx, collateral: sgxCollateral(sgxTcbInfo({ version: 1 })) }, 'TCB_INFO_NOT_FOR_TEE'],
    ['invalid_tcb_json', { collateral: collateral({ tcb: '{' }) }, 'TCB_INFO_MALFORMED'],
    ['unknown TCB status', { collateral: collateral({ tcb: tcbInfo({ tcbLevels: [level({ status: 'Fine' })] }) }) }, 'TCB_INFO_MALFORMED'],
    ['component SVN over 255', { collateral: collateral({ tcb: tcbInfo({ tcbLevels: [level({ sgx: sixteen(256) })] }) }) }, 'TCB_INFO_MALFORMED'],
    ['PCESVN as a text', { collateral: collateral({ tcb: tcbInfo({ tcbLevels: [{ ...level(), tcb: { pcesvn: '1' } }] }) }) }, 'TCB_INFO_MALFORMED'],
    ['short_tcb_chain', { collateral: withChanges({ tcbInfoIssuerChain: '' }) }, 'TCB_INFO_CHAIN_TOO_SHORT'],
    ['invalid_cert_format', { collateral: withChanges({ tcbInfoIssuerChain: '-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n' }) }, 'TCB_INFO_CHAIN_TOO_SHORT'],
    ['a PEM block that is no certificate', { collateral: withChanges({ tcbInfoIssuerChain: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }) }, 'CERTIFICATE_MALFORMED'],
    ['invalid_tcb_signature', { collateral: withChanges({ tcbInfoSignature: new Uint8Array(64).fill(1) }) }, 'TCB_INFO_SIGNATURE_INVALID'],
    ['TCB signature too short', { collateral: withChanges({ tcbInfoSignature: new Uint8Array(63) }) }, 'TCB_INFO_SIGNATURE_INVALID'],
    ['TCB info with one space more than was signed', { collateral: withChanges({ tcbInfo: `${JSON.stringify(tcbInfo())} ` }) }, 'TCB_INFO_SIGNATURE_INVALID'],
    ['TCB info signed by the PCK key', { collateral: withChanges({ tcbInfoIssuerChain: pem(pckLeaf, pckCa), tcbInfoSignature: rawSign(pckCa.key, Buffer.from(JSON.stringify(tcbInfo()))) }) }, 'TCB_INFO_SIGNATURE_INVALID'],
    ['ca_used_as_end_entity_tcb', { collateral: withChanges({ tcbInfoIssuerChain: pem(pckCa, root) }) }, 'CA_USED_AS_END_ENTITY'],
    // QE identity
    ['tdx_qe_identity_id_mismatch', { collateral: collateral({ qe: qeIdentity({ id: 'QE' }) }) }, 'QE_IDENTITY_NOT_FOR_TEE'],
    ['TD_QE version 1', { collateral: collateral({ qe: qeIdentity({ version: 1 }) }) }, 'QE_IDENTITY_NOT_FOR_TEE'],
    ['SGX with TD_QE', { quote: sgx, collateral: sgxCollateral(sgxTcbInfo(), qeIdentity()) }, 'QE_IDENTITY_NOT_FOR_TEE'],
    ['SGX with QE version 3', { quote: sgx, collateral: sgxCollateral(sgxTcbInfo(), qeIdentity({ id: 'QE', version: 3 })) }, 'QE_IDENTITY_NOT_FOR_TEE'],
    ['qe_identity_expired', { collateral: collateral({ qe: qeIdentity({ nextUpdate: '2027-01-14T12:00:00Z' }) }) }, 'QE_IDENTITY_EXPIRED'],
    ['qe_identity_issue_date_future', { collateral: collateral({ qe: qeIdentity({ issueDate: '2027-02-01T00:00:00Z' }) }) }, 'QE_IDENTITY_NOT_YET_VALID'],
    ['invalid_qe_identity_json', { collateral: collateral({ qe: 'null' }) }, 'QE_IDENTITY_MALFORMED'],
    ['QE identity with a short mask', { collateral: collateral({ qe: qeIdentity({ attributesMask: 'FF' }) }) }, 'QE_IDENTITY_MALFORMED'],
    ['QE identity date without zone', { collateral: collateral({ qe: qeIdentity({ issueDate: '2027-01-14T00:00:00' }) }) }, 'QE_IDENTITY_MALFORMED'],
    ['invalid_qe_identity_signature', { collateral: withChanges({ qeIdentitySignature: new Uint8Array(64).fill(1) }) }, 'QE_IDENTITY_SIGNATURE_INVALID'],
    ['short_qe_identity_chain', { collateral: withChanges({ qeIdentityIssuerChain: '' }) }, 'QE_IDENTITY_CHAIN_TOO_SHORT'],
    ['ca_used_as_end_entity_qe', { collateral: withChanges({ qeIdentityIssuerChain: pem(pckCa, root) }) }, 'CA_USED_AS_END_ENTITY'],
    // PCK
    ['cert_type_3_without_pck_chain', { quote: { certification: { type: 3, data: new Uint8Array(404) } } }, 'PCK_CERTIFICATION_UNSUPPORTED'],
    ['empty PCK chain', { quote: { certification: { type: 5, data: new Uint8Array(0) } } }, 'PCK_CHAIN_TOO_SHORT'],
    ['PCK leaf without the SGX extension', { quote: { certification: { type: 5, data: Buffer.from(pem(certificate({ subject: 'x', key: pckLeaf.key, issuer: pckCa }), pckCa)) } } }, 'PCK_EXTENSION_MALFORMED'],
    ['PCK leaf signed by another CA of the same name', { quote: { certification: { type: 5, data: Buffer.from(pem(certificate({ subject: 'x', key: pckLeaf.key, issuer: { ...pckCa, key: testKey('mallory') }, extensions: [pckExtension()] }), pckCa)) } } }, 'CERTIFICATE_SIGNATURE_INVALID'],
    ['PCK chain without its CA', { quote: { certification: { type: 5, data: Buffer.from(pem(pckLeaf, root)) } } }, 'ISSUER_UNKNOWN'],
    ['text beside the PCK chain', { quote: { certification: { type: 5, data: Buffer.from(`${pem(pckLeaf, pckCa)}x`) } } }, 'PCK_CHAIN_NOT_EXACT'],
    ['text before the PCK chain', { quote: { certification: { type: 5, data: Buffer.from(`\0${pem(pckLeaf, pckCa)}`) } } }, 'PCK_CHAIN_NOT_EXACT'],
    ['a certificate in the PCK chain that certifies nothing', { quote: { certification: { type: 5, data: Buffer.from(pem(pckLeaf, pckCa, tcbSigner)) } } }, 'PCK_CHAIN_NOT_EXACT'],
    ['a root in the PCK chain of the right name and another key', { quote: { certification: { type: 5, data: Buffer.from(pem(pckLeaf, pckCa, certificate({ subject: root.subject, key: testKey('other root'), extensions: [extension.ca()] }))) } } }, 'PCK_CHAIN_NOT_EXACT'],
    // quoting enclave
    ['invalid_qe_report_signature', { quote: { pckKey: testKey('mallory') } }, 'QE_REPORT_SIGNATURE_INVALID'],
    ['QE auth data of 31 bytes', { quote: { qeAuthData: new Uint8Array(31) } }, 'QE_AUTH_DATA_LENGTH'],
    ['QE auth data of 33 bytes', { quote: { qeAuthData: new Uint8Array(33) } }, 'QE_AUTH_DATA_LENGTH'],
    ['qe_report_hash_mismatch', { quote: { qeReport: setByte(320, 0) } }, 'QE_REPORT_DATA_MISMATCH'],
    ['qe_mrsigner_mismatch', { quote: { qeReport: setByte(128, 0) } }, 'QE_MRSIGNER_MISMATCH'],
    ['qe_debug_enabled', { quote: { qeReport: setByte(48, 0x13) } }, 'QE_DEBUG'],
    ['qe_isvprodid_mismatch', { quote: { qeReport: setByte(256, 1) } }, 'QE_ISVPRODID_MISMATCH'],
    ['qe_miscselect_mismatch', { quote: { qeReport: setByte(19, 0x80) } }, 'QE_MISCSELECT_MISMATCH'],
    ['qe_attributes_mismatch', { quote: { qeReport: setByte(49, 1) } }, 'QE_ATTRIBUTES_MISMATCH'],
    ['QE older than every level', { quote: { qeReport: setByte(258, 3) } }, 'QE_TCB_LEVEL_NOT_FOUND'],
    // platform TCB
    ['fmspc_mismatch', { collateral: collateral({ tcb: tcbInfo({ fmspc: '000000000000' }) }) }, 'FMSPC_MISMATCH'],
    ['tdx_missing_components', { collateral: collateral({ tcb: tcbInfo({ tcbLevels: [level({ tdx: null })] }) }) }, 'TCB_COMPONENT_COUNT'],
    ['fifteen SGX components', { collateral: collateral({ tcb: tcbInfo({ tcbLevels: [level({ sgx: sixteen(0).slice(1) })] }) }) }, 'TCB_COMPONENT_COUNT'],
    ['sgx_component_svn_mismatch', { collateral: collateral({ tcb: tcbInfo({ tcbLevels: [level({ sgx: [6, ...sixteen(0).slice(1)] })] }) }) }, 'TCB_LEVEL_NOT_FOUND'],
    ['tdx_component_svn_mismatch in byte 0', { collateral: collateral({ tcb: tcbInfo({ tcbLevels: [level({ tdx: [1, ...sixteen(0).slice(1)] })] }) }) }, 'TCB_LEVEL_NOT_FOUND'],
    ['pcesvn too low', { collateral: collateral({ tcb: tcbInfo({ tcbLevels: [level({ pcesvn: 12 })] }) }) }, 'TCB_LEVEL_NOT_FOUND'],
    ['empty tcbLevels', { collateral: collateral({ tcb: tcbInfo({ tcbLevels: [] }) }) }, 'TCB_LEVEL_NOT_FOUND'],
    ['the component count is not looked at where PCESVN already fails', { collateral: collateral({ tcb: tcbInfo({ tcbLevels: [level({ pcesvn: 12, tdx: null })] }) }) }, 'TCB_LEVEL_NOT_FOUND'],
    // TDX module
    ['no tdxModule', { collateral: collateral({ tcb: tcbInfo({ tdxModule: null }) }) }, 'TDX_MODULE_MISSING'],
    ['module of another signer', { quote: { body: setByte(64, 1) } }, 'TDX_MODULE_MRSIGNER_MISMATCH'],
    ['module attributes', { quote: { body: setByte(112, 1) } }, 'TDX_MODULE_ATTRIBUTES_MISMATCH'],
    ['module attributes outside the mask', { quote: { body: setByte(112, 1) }, collateral: collateral({ tcb: tcbInfo({ tdxModule: { ...BASE_MODULE, attributesMask: '00'.repeat(8) } }) }) }, 'TDX_MODULE_ATTRIBUTES_MISMATCH'],
    ['unknown module version', { quote: { body: setByte(1, 2) }, collateral: collateral({ tcb: tcbInfo({ tdxModuleIdentities: [{ id: 'TDX_01', ...BASE_MODULE, tcbLevels: [isvLevel(0)] }] }) }) }, 'TDX_MODULE_IDENTITY_NOT_FOUND'],
    ['module older than its levels', { quote: { body: setByte(1, 1) }, collateral: collateral({ tcb: tcbInfo({ tdxModuleIdentities: [{ id: 'TDX_01', ...BASE_MODULE, tcbLevels: [isvLevel(1)] }] }) }) }, 'TDX_MODULE_TCB_LEVEL_NOT_FOUND'],
    // status
    ['revoked_platform_tcb', { collateral: collateral({ tcb: tcbInfo({ tcbLevels: [level({ status: 'Revoked' })] }) }) }, 'TCB_REVOKED'],
    ['revoked_qe_tcb', { collateral: collateral({ qe: qeIdentity({ tcbLevels: [isvLevel(4, 'Revoked')] }) }) }, 'TCB_REVOKED'],
    // attributes
    ['debug_sgx_v3', { quote: { ...sgx, body: setByte(48, 2) }, collateral: sgxCollateral() }, 'appraisal DEBUG_MODE'],
    ['tdx_debug_enabled', { quote: td(0, 1) }, 'appraisal DEBUG_MODE'],
    ['tdx_sept_ve_disabled', { quote: td(3, 0) }, 'TD_SEPT_VE_NOT_DISABLED'],
    ['a bound service TD', { quote: { version: 5, bodyType: 3, body: setByte(600, 1) } }, 'TD_SERVICE_TD_BOUND'],
  ];
  test.each(refused)('%s', (_name, given, code) => {
    expect(codeOf(given)).toBe(code);
  });
});

describe('TD attributes', () => {
  const free = new Set([28, 30, 31]);
  test.each(Array.from({ length: 64 }, (_, bit) => bit))('bit %i set beside SEPT_VE_DISABLE', (bit) => {
    const body = (bytes: Buffer): void => {
      const at = 120 + (bit >> 3);
      bytes[at] = (bytes[at] ?? 0) | (1 << (bit & 7));
    };
    const expected = bit === 0 ? 'appraisal DEBUG_MODE' : free.has(bit) ? 'accepted' : 'TD_RESERVED_ATTRIBUTES';
    expect(codeOf({ quote: { body } })).toBe(expected);
  });
});

describe('certificates and lists', () => {
  const pckChain = (leaf: Parameters<typeof certificate>[0], ca = pckCa): QuoteOptions => ({
    certification: { type: 5, data: Buffer.from(pem(certificate({ extensions: [pckExtension()], ...leaf }), ca, root)) },
    pckKey: leaf.key,
  });
  test.each<[string, Case, VerificationCode]>([
    ['root revoked by its own list', { collateral: withChanges({ rootCaCrl: crl({ issuer: root, revoked: [1] }) }) }, 'CERTIFICATE_REVOKED'],
    ['no list of the root', { collateral: withChanges({ rootCaCrl: crl({ issuer: pckCa }) }) }, 'CRL_NOT_FOUND'],
    ['root list signed by another', { collateral: withChanges({ rootCaCrl: crl({ issuer: { ...root, key: testKey('mallory') } }) }) }, 'CRL_SIGNATURE_INVALID'],
    ['root list expires at nextUpdate', { collateral: withChanges({ rootCaCrl: crl({ issuer: root, nextUpdate: NOW }) }) }, 'CRL_EXPIRED'],
    ['a list that does not parse', { collateral: withChanges({ pckCrl: new Uint8Array(3) }) }, 'CRL_MALFORMED'],
    ['PCK CA revoked', { collateral: withChanges({ rootCaCrl: crl({ issuer: root, revoked: [9, 2] }) }) }, 'CERTIFICATE_REVOKED'],
    ['TCB signer revoked', { collateral: withChanges({ rootCaCrl: crl({ issuer: root, revoked: [4] }) }) }, 'CERTIFICATE_REVOKED'],
    ['PCK leaf revoked', { collateral: withChanges({ pckCrl: crl({ issuer: pckCa, revoked: [3] }) }) }, 'CERTIFICATE_REVOKED'],
    ['no list of the PCK CA', { collateral: withChanges({ pckCrl: crl({ issuer: root }) }) }, 'CRL_NOT_FOUND'],
    ['PCK list expired', { collateral: withChanges({ pckCrl: crl({ issuer: pckCa, nextUpdate: NOW }) }) }, 'CRL_EXPIRED'],
    ['PCK leaf expired', { quote: pckChain({ subject: 'p', key: pckLeaf.key, issuer: pckCa, notAfter: NOW - 1 }) }, 'CERTIFICATE_EXPIRED'],
    ['PCK leaf not yet valid', { quote: pckChain({ subject: 'p', key: pckLeaf.key, issuer: pckCa, notBefore: NOW + 1 }) }, 'CERTIFICATE_NOT_YET_VALID'],
    ['PCK leaf for client authentication only', { quote: pckChain({ subject: 'p', key: pckLeaf.key, issuer: pckCa, extensions: [pckExtension(), extension.eku('1.3.6.1.5.5.7.3.2')] }) }, 'EXTENDED_KEY_USAGE_MISSING'],
    ['PCESVN of three octets', { quote: pckChain({ subject: 'p', key: pckLeaf.key, issuer: pckCa, extensions: [pckExtension({ pceSvn: integer(0x8000) })] }) }, 'PCK_EXTENSION_MALFORMED'],
    ['an unrelated root', { root: certificate({ subject: 'Other', key: testKey('other root'), extensions: [extension.ca()] }).der }, 'CRL_NOT_FOUND'],
    ['a root of the same name with another key', { root: certificate({ subject: root.subject, key: testKey('other root'), extensions: [extension.ca()] }).der }, 'CRL_SIGNATURE_INVALID'],
    ['a trust anchor that is not a root', { root: pckCa.der }, 'ROOT_NOT_SELF_ISSUED'],
  ])('%s', (_name, given, code) => {
    expect(codeOf(given)).toBe(code);
  });

  test('a serial revoked by one issuer does not revoke the same serial of another', () => {
    expect(codeOf({ collateral: withChanges({ pckCrl: crl({ issuer: pckCa, revoked: [1, 2, 4] }) }) })).toBe('accepted');
  });

  test('PCESVN of two octets with a leading zero is read', () => {
    const given = pckChain({ subject: 'p', key: pckLeaf.key, issuer: pckCa, extensions: [pckExtension({ pceSvn: Uint8Array.of(2, 2, 0, 11) })] });
    expect(codeOf({ quote: given, collateral: collateral({ tcb: tcbInfo({ tcbLevels: [level({ pcesvn: 11 })] }) }) })).toBe('accepted');
  });
});

describe('first failure wins', () => {
  test.each<[string, Case, VerificationCode]>([
    ['root list before the quote', { collateral: withChanges({ rootCaCrl: crl({ issuer: root, nextUpdate: NOW }) }), quote: { keyType: 3 } }, 'CRL_EXPIRED'],
    ['quote before TCB info', { collateral: collateral({ tcb: '{' }), quote: { keyType: 3 } }, 'QUOTE_KEY_TYPE_UNSUPPORTED'],
    ['TCB info before QE identity', { collateral: collateral({ tcb: '{', qe: '{' }) }, 'TCB_INFO_MALFORMED'],
    ['dates before the signature', { collateral: collateral({ tcb: tcbInfo({ nextUpdate: '2027-01-14T00:00:00Z' }), changes: { tcbInfoSignature: new Uint8Array(64) } }) }, 'TCB_INFO_EXPIRED'],
    ['QE identity kind before PCK chain', { collateral: collateral({ qe: qeIdentity({ id: 'QE' }) }), quote: { certification: { type: 3, data: new Uint8Array(0) } } }, 'QE_IDENTITY_NOT_FOR_TEE'],
    ['QE signature before its policy', { quote: { pckKey: testKey('mallory'), qeReport: setByte(128, 0) } }, 'QE_REPORT_SIGNATURE_INVALID'],
    ['quote signature before FMSPC', { quote: { attestationPoint: new Uint8Array(64).fill(1) }, collateral: collateral({ tcb: tcbInfo({ fmspc: '000000000000' }) }) }, 'QUOTE_SIGNATURE_INVALID'],
    ['revoked before attributes', { quote: td(3, 0), collateral: collateral({ tcb: tcbInfo({ tcbLevels: [level({ status: 'Revoked' })] }) }) }, 'TCB_REVOKED'],
  ])('%s', (_name, given, code) => {
    expect(codeOf(given)).toBe(code);
  });
});

describe('status', () => {
  test('levels are tried highest first, whatever order they are published in', () => {
    const tcb = tcbInfo({ tcbLevels: [level({ status: 'OutOfDate', advisories: ['A'] }), level({ sgx: sixteen(5), status: 'SWHardeningNeeded', advisories: ['B'] })] });
    expect(verify({ collateral: collateral({ tcb }) })).toMatchObject({ status: 'SWHardeningNeeded', advisoryIds: ['B'] });
  });

  test('platform, module and QE are merged: the worst status, advisories in order and once', () => {
    const tcb = tcbInfo({
      tcbLevels: [level({ status: 'SWHardeningNeeded', advisories: ['P', 'S'] })],
      tdxModuleIdentities: [{ id: 'tdx_01', ...BASE_MODULE, tcbLevels: [isvLevel(0, 'OutOfDate', ['M', 'S'])] }],
    });
    const qe = qeIdentity({ tcbLevels: [isvLevel(4, 'ConfigurationNeeded', ['Q', 'P'])] });
    const verdict = verify({ quote: { body: setByte(1, 1) }, collateral: collateral({ tcb, qe }) });
    expect(verdict).toMatchObject({
      status: 'OutOfDate',
      advisoryIds: ['P', 'S', 'M', 'Q'],
      qeStatus: { status: 'ConfigurationNeeded', advisoryIds: ['Q', 'P'] },
      platformStatus: { status: 'OutOfDate', advisoryIds: ['P', 'S', 'M'] },
    });
  });

  test('a module identity is not looked up for major version 0', () => {
    const tcb = tcbInfo({ tdxModuleIdentities: [{ id: 'TDX_01', ...BASE_MODULE, tcbLevels: [isvLevel(9)] }] });
    expect(verify({ collateral: collateral({ tcb }) }).status).toBe('UpToDate');
  });
});

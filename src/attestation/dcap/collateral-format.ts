import { CollateralError } from '../../errors/collateral-error.js';
import type { QuoteCollateral } from '../collateral.js';

/** Longest text looked at: a few PCK lists with thousands of entries would fit. */
const MAX_TEXT_LENGTH = 8 << 20;

/**
 * Reads the JSON form of `QuoteCollateralV3` (spec/attestation.md section 6.5): lists and signatures in hex,
 * signed documents as texts. Unknown keys are ignored. Nothing is verified.
 * @throws CollateralError COLLATERAL_ANSWER_INVALID, naming the field
 */
export function parseCollateralJson(text: string): QuoteCollateral {
  if (text.length > MAX_TEXT_LENGTH) throw invalid(`${text.length} characters, at most ${MAX_TEXT_LENGTH}`);
  const fields = parseObject(text);
  return {
    pckCrlIssuerChain: string(fields, 'pck_crl_issuer_chain'),
    rootCaCrl: hex(fields, 'root_ca_crl'),
    pckCrl: hex(fields, 'pck_crl'),
    tcbInfoIssuerChain: string(fields, 'tcb_info_issuer_chain'),
    tcbInfo: string(fields, 'tcb_info'),
    tcbInfoSignature: hex(fields, 'tcb_info_signature', 64),
    qeIdentityIssuerChain: string(fields, 'qe_identity_issuer_chain'),
    qeIdentity: string(fields, 'qe_identity'),
    qeIdentitySignature: hex(fields, 'qe_identity_signature', 64),
    pckCertificateChain: (fields['pck_certificate_chain'] ?? null) === null ? null : string(fields, 'pck_certificate_chain'),
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CollateralError('COLLATERAL_ANSWER_INVALID', 'the collateral is not JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('not a JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function string(fields: Readonly<Record<string, unknown>>, key: string): string {
  const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
  if (typeof value !== 'string') throw invalid(`${key} is not a text`);
  return value;
}

function hex(fields: Readonly<Record<string, unknown>>, key: string, length: number | null = null): Uint8Array {
  const text = string(fields, key);
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw invalid(`${key} is not hex text`);
  if (length !== null && text.length !== length * 2) throw invalid(`${key} has ${text.length / 2} bytes instead of ${length}`);
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

function invalid(detail: string): CollateralError {
  return new CollateralError('COLLATERAL_ANSWER_INVALID', `collateral: ${detail}`);
}

import type { CollateralRequest, QuoteCollateral } from '../../attestation/collateral.js';
import { collateralRequestOf } from '../../attestation/dcap/pck-chain.js';
import { parseTcbInfo } from '../../attestation/dcap/tcb-info.js';
import { parseRecording } from '../../attestation/recording.js';
import { SNP_PRODUCTS, type SnpProduct } from '../../attestation/sev-snp/product.js';
import { pckCaOf } from '../../attestation/tdx/pck-extension.js';
import { parseQuote } from '../../attestation/tdx/quote.js';
import { decodeAttestation } from '../../attestation/wire/decode.js';
import { parseCrl } from '../../x509/crl.js';
import { recogniseEvidence, VerifyInputError } from '../verify/input.js';

/**
 * The collateral that evidence in a file needs, by its own, unverified certificate.
 * @throws VerifyInputError for evidence that needs none; VerificationError
 */
export function wantedByEvidence(file: Uint8Array): CollateralRequest {
  const { kind, bytes } = recogniseEvidence(file);
  const platform = kind === 'attestation' ? decodeAttestation(bytes).platform : null;
  if (kind === 'quote') return collateralRequestOf(parseQuote(bytes));
  if (platform?.kind === 'tdx' || platform?.kind === 'gcp-tdx') return collateralRequestOf(parseQuote(platform.quote));
  throw new VerifyInputError('USAGE', 'evidence of this kind needs no DCAP collateral');
}

/** As the command line has it. @throws VerifyInputError USAGE */
export function wantedByName(fmspc: string, ca: string, tee: string): CollateralRequest {
  if (!/^[0-9a-f]{12}$/i.test(fmspc)) throw new VerifyInputError('USAGE', '--fmspc is not 6 bytes of hex');
  if (ca !== 'processor' && ca !== 'platform') throw new VerifyInputError('USAGE', '--ca is neither processor nor platform');
  if (tee !== 'tdx' && tee !== 'sgx') throw new VerifyInputError('USAGE', '--tee is neither tdx nor sgx');
  return { tee, fmspc: Uint8Array.from(Buffer.from(fmspc, 'hex')), ca };
}

/** The certificates of a chip of AMD's at a state of its firmware. */
export interface WantedChip {
  readonly product: SnpProduct;
  /** CHIP_ID, 64 bytes, and REPORTED_TCB, 8 bytes, as in a report. */
  readonly chipId: Uint8Array;
  readonly reportedTcb: Uint8Array;
}

/** As the command line has it. @throws VerifyInputError USAGE */
export function wantedChip(product: string, chipId: string, tcb: string): WantedChip {
  const known = SNP_PRODUCTS.find((candidate) => candidate === product);
  if (known === undefined) throw new VerifyInputError('USAGE', `--snp-product is none of ${SNP_PRODUCTS.join(', ')}`);
  if (!/^[0-9a-f]{128}$/i.test(chipId)) throw new VerifyInputError('USAGE', '--chip-id is not 64 bytes of hex');
  if (!/^[0-9a-f]{16}$/i.test(tcb)) throw new VerifyInputError('USAGE', '--tcb is not 8 bytes of hex');
  return { product: known, chipId: Uint8Array.from(Buffer.from(chipId, 'hex')), reportedTcb: Uint8Array.from(Buffer.from(tcb, 'hex')) };
}

/** What collateral says it is for. @throws VerificationError TCB_INFO_MALFORMED, CRL_MALFORMED */
export function subjectOf({ tcbInfo, pckCrl }: QuoteCollateral): CollateralRequest {
  const { id, fmspc } = parseTcbInfo(tcbInfo);
  return { tee: id === 'TDX' ? 'tdx' : 'sgx', fmspc, ca: pckCaOf(parseCrl(pckCrl).issuerRaw) };
}

/** Everything the answers of a recording may be put together to: each TCB info with each PCK list. @throws CollateralError */
export function subjectsOfRecording(text: string): readonly CollateralRequest[] {
  const targets = parseRecording(text).map(({ target }) => target);
  const cas = (['processor', 'platform'] as const).filter((ca) => targets.some((target) => target.includes(`/pckcrl?ca=${ca}&`)));
  const found = new Map<string, CollateralRequest>();
  for (const target of targets) {
    const [, tee, fmspc] = /\/(tdx|sgx)\/certification\/v4\/tcb\?fmspc=([0-9A-Fa-f]{12})$/.exec(target) ?? [];
    if ((tee !== 'tdx' && tee !== 'sgx') || fmspc === undefined) continue;
    for (const ca of cas) found.set(`${tee} ${fmspc.toUpperCase()} ${ca}`, { tee, ca, fmspc: Uint8Array.from(Buffer.from(fmspc, 'hex')) });
  }
  return [...found.values()];
}

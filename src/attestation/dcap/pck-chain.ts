import { VerificationError } from '../../errors/verification-error.js';
import { type Certificate, parseCertificate } from '../../x509/certificate.js';
import { assertAllWithin } from '../../x509/time-window.js';
import type { TimeWindow } from '../../x509/time-window.js';
import type { VerifyingKey } from '../../x509/verifying-key.js';
import type { CollateralRequest } from '../collateral.js';
import { parsePckExtension, PCK_EXTENSION_OID, pckCaOf } from '../tdx/pck-extension.js';
import type { PckExtension } from '../tdx/pck-extension.js';
import type { CertificationData } from '../tdx/quote-auth.js';
import { TEE_TYPE_TDX } from '../tdx/quote.js';
import type { Quote } from '../tdx/quote.js';
import type { CheckedCollateral } from './checked-collateral.js';
import { assertNothingElse, assertOnlyCertificates } from './exact-chain.js';
import { readChain, verifyChain } from './signed-document.js';

/** Certification data that is the PEM chain itself. */
const PCK_CHAIN = 5;
const PEM_END = '-----END CERTIFICATE-----';
/** Characters a chain is found by. */
const KEY_LENGTH = 128;
/** Longest thing about a platform that is remembered: real chains take 4 to 5 KiB, and a text may have any white space behind them. */
export const MAX_REMEMBERED_LENGTH = 16_384;
const EMPTY = { code: 'PCK_CHAIN_TOO_SHORT', subject: 'PCK' } as const;

/** A platform whose certificate leads to the anchor. */
export interface CheckedPck {
  /** The text of the chain. */
  readonly pem: string;
  readonly extension: PckExtension;
  readonly key: VerifyingKey;
  readonly windows: readonly TimeWindow[];
}

/**
 * Is the platform certified by Intel? Step 5 of spec/attestation.md section 6.3: the chain of the
 * collateral if it has one, else the quote's own. A chain that passed before is not verified again,
 * but its validity is.
 * @param now unix seconds
 * @throws VerificationError PCK_…, or of the X.509 codes
 */
export function checkPck(checked: CheckedCollateral, certification: CertificationData, now: number): CheckedPck {
  const pem = checked.pckCertificateChain ?? chainOf(certification);
  // The leaf's serial number is in there. Whether it is the same chain is for all of the text to say.
  const memoryKey = pem.slice(0, KEY_LENGTH);
  const known = checked.memory.pckChains.get(memoryKey);
  if (known?.pem === pem) {
    assertAllWithin(known.windows, now);
    return known;
  }
  const { leaf, leafKey, windows, certificates, supplied } = verifyChain(pem, EMPTY, checked.anchor, now, leaves.get(certification));
  assertOnlyCertificates(pem);
  assertNothingElse(supplied, certificates, checked.anchor.certificate);
  const pck: CheckedPck = { pem, extension: extensionOf(leaf), key: leafKey, windows };
  if (pem.length <= MAX_REMEMBERED_LENGTH) checked.memory.pckChains.set(memoryKey, pck);
  return pck;
}

/**
 * Which collateral a quote needs, by its own, still unverified PCK certificate.
 * @param parse what reads certificates: a memory's, if there is one
 * @throws VerificationError PCK_CERTIFICATION_UNSUPPORTED when the quote does not carry the certificate, PCK_…, CERTIFICATE_…
 */
export function collateralRequestOf(quote: Quote, parse: (der: Uint8Array) => Certificate = parseCertificate): CollateralRequest {
  const { certification } = quote.auth;
  const [leaf] = readChain(firstBlock(chainOf(certification)), EMPTY, parse);
  leaves.set(certification, leaf);
  return {
    tee: quote.header.teeType === TEE_TYPE_TDX ? 'tdx' : 'sgx',
    fmspc: extensionOf(leaf).fmspc.slice(),
    ca: pckCaOf(leaf.issuerRaw),
  };
}

/** The leaf of certification data read before: it is looked at to know which collateral to get, and again with its chain. */
const leaves = new WeakMap<CertificationData, Certificate>();

/** The leaf's part of a chain: nothing else is needed to know which collateral to fetch. */
function firstBlock(pem: string): string {
  const end = pem.indexOf(PEM_END);
  return end < 0 ? pem : pem.slice(0, end + PEM_END.length);
}

/** The text may end in a NUL (trap T4), which no PEM reader minds. */
function chainOf({ type, data }: CertificationData): string {
  if (type !== PCK_CHAIN) {
    throw new VerificationError('PCK_CERTIFICATION_UNSUPPORTED', `Unsupported DCAP PCK cert format: type ${type} carries no certificate`);
  }
  return Buffer.from(data.buffer, data.byteOffset, data.length).toString('latin1');
}

const readExtensions = new WeakMap<Certificate, PckExtension>();

/** Read once per Certificate object; what is remembered never leaves as it is. */
function extensionOf(leaf: Certificate): PckExtension {
  const known = readExtensions.get(leaf);
  if (known !== undefined) return known;
  const extension = leaf.extensions.get(PCK_EXTENSION_OID);
  if (extension === undefined) throw new VerificationError('PCK_EXTENSION_MALFORMED', 'the PCK certificate has no SGX extension');
  const read = parsePckExtension(extension.value);
  readExtensions.set(leaf, read);
  return read;
}

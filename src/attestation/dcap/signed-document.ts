import type { DcapCode } from '../../errors/codes/dcap.js';
import { VerificationError } from '../../errors/verification-error.js';
import { parseCertificate } from '../../x509/certificate.js';
import type { Certificate } from '../../x509/certificate.js';
import { EKU_SERVER_AUTH, verifyPath } from '../../x509/path.js';
import type { VerifiedPath } from '../../x509/path.js';
import { parsePemChain } from '../../x509/pem.js';
import { assertWithin } from '../../x509/time-window.js';
import type { TimeWindow } from '../../x509/time-window.js';
import { verifyP256 } from './raw-p256.js';
import type { CheckedAnchor } from './trust-anchor.js';

/** Real chains have two or three certificates. */
const MAX_CHAIN = 8;

/** The codes one kind of signed document is refused with. */
export interface DocumentCodes {
  readonly early: DcapCode;
  readonly late: DcapCode;
  readonly chain: DcapCode;
  readonly signature: DcapCode;
}

export interface SignedDocument {
  /** Name for messages. */
  readonly subject: string;
  /** The signed text, exactly as published (trap T16). */
  readonly text: string;
  /** r‖s, 64 bytes. */
  readonly signature: Uint8Array;
  /** PEM, leaf first. */
  readonly issuerChain: string;
  /** Unix seconds, both inclusive. */
  readonly issueDate: number;
  readonly nextUpdate: number;
}

/**
 * Did Intel sign this document, and is it current? Dates, then chain, then signature, as in steps 2 and 4 of
 * spec/attestation.md section 6.3.
 * @param chains verified at this moment by the text they were read from: Intel signs both documents with one key
 * @returns how long that holds
 * @throws VerificationError with one of `codes`, or of the X.509 codes
 */
export function checkSignedDocument(document: SignedDocument, codes: DocumentCodes, anchor: CheckedAnchor, now: number, chains: Map<string, VerifiedPath>): readonly TimeWindow[] {
  const { subject, issueDate, nextUpdate } = document;
  const window: TimeWindow = { from: issueDate, until: nextUpdate, early: codes.early, late: codes.late, subject };
  assertWithin(window, now);
  const path = chains.get(document.issuerChain) ?? verifyChain(document.issuerChain, { code: codes.chain, subject }, anchor, now);
  chains.set(document.issuerChain, path);
  if (!verifyP256(path.leafKey, Buffer.from(document.text, 'utf8'), document.signature)) {
    throw new VerificationError(codes.signature, `the signature of the ${subject} does not verify`);
  }
  return [window, ...path.windows];
}

/**
 * Verifies a PEM chain, leaf first, to the anchor.
 * @param empty what to throw when the text holds no readable certificate
 * @param known a certificate read before; need not be one of the chain
 * @throws VerificationError
 */
export function verifyChain(
  pem: string,
  empty: { readonly code: DcapCode; readonly subject: string },
  { certificate: anchor, revocation, memory }: CheckedAnchor,
  now: number,
  known?: Certificate,
): VerifiedPath & { readonly leaf: Certificate; readonly supplied: readonly Certificate[] } {
  const [leaf, ...intermediates] = readChain(pem, empty, (der) => (known !== undefined && Buffer.compare(known.raw, der) === 0 ? known : memory.parse(der)));
  const path = verifyPath({ leaf, intermediates, anchor, now, extendedKeyUsage: EKU_SERVER_AUTH, revocation, memory });
  const { leafKey, certificates, windows } = path;
  return { leafKey, certificates, windows, leaf, supplied: [leaf, ...intermediates] };
}

/** @throws VerificationError `empty.code` when there is no readable PEM block, CERTIFICATE_… when a block holds no certificate */
export function readChain(
  pem: string,
  empty: { readonly code: DcapCode; readonly subject: string },
  parse: (der: Uint8Array) => Certificate = parseCertificate,
): [leaf: Certificate, ...rest: Certificate[]] {
  let blocks: Uint8Array[];
  try {
    blocks = parsePemChain(pem, MAX_CHAIN);
  } catch (cause) {
    throw new VerificationError(empty.code, `Certificate chain is too short for ${empty.subject}`, { cause });
  }
  const [leaf, ...rest] = blocks.map((der) => parse(der));
  if (leaf === undefined) throw new VerificationError(empty.code, `Certificate chain is too short for ${empty.subject}`);
  return [leaf, ...rest];
}

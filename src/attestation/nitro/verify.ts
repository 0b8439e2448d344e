import { verify } from 'node:crypto';
import { P256PublicKey } from '../../crypto/p256-public-key.js';
import { VerificationError } from '../../errors/verification-error.js';
import type { Certificate } from '../../x509/certificate.js';
import { EKU_CLIENT_AUTH, verifyPath } from '../../x509/path.js';
import type { VerifiedPath } from '../../x509/path.js';
import { earliestEnd } from '../../x509/time-window.js';
import type { VerifyingKey } from '../../x509/verifying-key.js';
import { CertificateMemory } from '../certificate-memory.js';
import { type CborMap, malformedDocument } from './cbor.js';
import { type CoseSign1, sigStructure, splitCoseSign1 } from './cose-sign1.js';
import { type NsmDocument, parseNsmPayload } from './document.js';

/** COSE header labels and the one algorithm an NSM signs with (RFC 9052 section 3.1, RFC 9053 section 2.1). */
const LABEL_ALGORITHM = 1;
const LABEL_CRITICAL = 2;
const ES384 = -35;
const ES384_SIGNATURE_BYTES = 96;

const MAX_AGE_MS = 3_600_000;
const MAX_AHEAD_MS = 300_000;
const MAX_PCRS = 32;
const PCR_BYTES = 48;

export interface VerifiedNsmDocument {
  readonly document: NsmDocument;
  /** Unix seconds after which this document or its certificates no longer pass. */
  readonly validUntil: number;
}

/**
 * Is this attestation document genuine? The checks of spec/attestation.md section 7, in their order.
 * user_data, nonce and public_key are returned, not judged.
 * @param options.nowMs unix milliseconds, as the document's own timestamp
 * @param options.root DER of the AWS Nitro Enclaves root; `cabundle[0]` is never trusted in its place
 * @param options.memory of earlier documents: saves verifying the signatures of their certificates again, and nothing else
 * @throws VerificationError of the NSM and X.509 codes
 */
export function verifyNsmDocument(
  bytes: Uint8Array,
  { nowMs, root, memory = new CertificateMemory() }: { readonly nowMs: number; readonly root: Uint8Array; readonly memory?: CertificateMemory },
): VerifiedNsmDocument {
  const sign1 = splitCoseSign1(bytes);
  checkHeader(sign1.protectedHeader);
  const document = parseNsmPayload(sign1.payload);
  checkPcrs(document);
  checkFreshness(document.timestampMs, nowMs);
  const path = verifyChain(document, memory.anchor(root), nowMs, memory);
  checkSignature(sign1, path.leafKey);
  const staleAt = Math.floor((document.timestampMs + MAX_AGE_MS) / 1000);
  return { document, validUntil: Math.min(staleAt, earliestEnd(path.windows)) };
}

function checkHeader({ entries }: CborMap): void {
  const critical = entries.get(LABEL_CRITICAL);
  if (critical !== undefined && (!Array.isArray(critical) || !critical.every((label) => label === LABEL_ALGORITHM || label === 'alg'))) {
    throw new VerificationError('NSM_CRITICAL_HEADER_UNSUPPORTED', 'the document has a critical header that is not understood');
  }
  if (entries.get(LABEL_ALGORITHM) !== ES384) {
    throw new VerificationError('NSM_ALGORITHM_UNSUPPORTED', 'the document is not signed with ES384');
  }
}

function checkPcrs({ digest, pcrs }: NsmDocument): void {
  if (digest !== 'SHA384') throw new VerificationError('NSM_DIGEST_UNSUPPORTED', 'the digest of the document is not SHA384');
  if (pcrs.size === 0 || pcrs.size > MAX_PCRS) throw new VerificationError('NSM_PCRS_INVALID', `the document has ${pcrs.size} PCRs, not 1 to ${MAX_PCRS}`);
  for (const [index, value] of pcrs) {
    if (index >= MAX_PCRS) throw new VerificationError('NSM_PCRS_INVALID', `the document has a PCR ${index}, above ${MAX_PCRS - 1}`);
    if (value.length !== PCR_BYTES) throw new VerificationError('NSM_PCRS_INVALID', `PCR ${index} has ${value.length} bytes, not ${PCR_BYTES}`);
  }
}

function checkFreshness(timestampMs: number, nowMs: number): void {
  if (!(nowMs - timestampMs <= MAX_AGE_MS)) throw new VerificationError('NSM_DOCUMENT_STALE', 'the document is more than an hour old');
  if (!(timestampMs - nowMs <= MAX_AHEAD_MS)) throw new VerificationError('NSM_DOCUMENT_FROM_FUTURE', 'the document is from more than five minutes in the future');
}

/** AWS documents need no revocation lists, and an enclave has no network to fetch any. */
function verifyChain(document: NsmDocument, anchor: Certificate, nowMs: number, memory: CertificateMemory): VerifiedPath {
  return verifyPath({
    leaf: memory.parse(document.certificate),
    intermediates: document.cabundle.slice(1).map((der) => memory.parse(der)),
    anchor,
    now: Math.floor(nowMs / 1000),
    extendedKeyUsage: EKU_CLIENT_AUTH,
    revocation: null,
    memory,
  });
}

function checkSignature(sign1: CoseSign1, key: VerifyingKey): void {
  if (sign1.signature.length !== ES384_SIGNATURE_BYTES || key instanceof P256PublicKey || key.asymmetricKeyDetails?.namedCurve !== 'secp384r1') {
    throw new VerificationError('NSM_SIGNATURE_INVALID', 'the document is not signed with an ES384 signature of its certificate');
  }
  if (!verify('sha384', sigStructure(sign1), { key, dsaEncoding: 'ieee-p1363' }, sign1.signature)) {
    throw new VerificationError('NSM_SIGNATURE_INVALID', 'the signature of the document is invalid');
  }
}

/** True when the enclave ran in debug mode: the NSM then reports PCR0, PCR1 and PCR2 as zeros. */
export function isDebugEnclave({ pcrs }: NsmDocument): boolean {
  return [0, 1, 2].every((index) => pcr(pcrs, index).every((byte) => byte === 0));
}

/**
 * The 48 bytes of one PCR.
 * @throws VerificationError NSM_DOCUMENT_MALFORMED when the document does not have it
 */
export function pcr(pcrs: NsmDocument['pcrs'], index: number): Uint8Array {
  return pcrs.get(index) ?? malformedDocument(`PCR ${index} is missing`);
}

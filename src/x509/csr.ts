import type { P256Key } from '../crypto/p256.js';
import { ScaleError, ScaleReader } from '../crypto/scale.js';
import { ScaleWriter } from '../crypto/scale-write.js';
import { messageChain } from '../errors/base.js';
import { invalidArgument } from '../errors/service-error.js';

/** What an app asks for in its certificate (spec/kms.md section 6). */
export interface CsrConfig {
  readonly organization: string | null;
  /** Common name. */
  readonly subject: string;
  readonly subjectAltNames: readonly string[];
  readonly serverAuth: boolean;
  readonly clientAuth: boolean;
  /** Whether the certificate is to carry the evidence. */
  readonly withAttestation: boolean;
  /** Whether the certificate is to carry the app info. False in version 1. */
  readonly withAppInfo: boolean;
  /** Unix seconds; null leaves the issuer's default, as version 1 always does. */
  readonly notBefore: bigint | null;
  readonly notAfter: bigint | null;
}

/** Evidence in a request, undecoded: a versioned attestation, or in version 1 a bare TDX quote and its event log JSON. */
export type CsrEvidence =
  | { readonly version: 2; readonly attestation: Uint8Array }
  | { readonly version: 1; readonly quote: Uint8Array; readonly eventLog: Uint8Array };

export interface CertificateRequest {
  /** The words that make the signature one over a request; `verifyCsr` judges them. */
  readonly confirm: string;
  /** SubjectPublicKeyInfo DER as sent; a view. */
  readonly spki: Uint8Array;
  readonly config: CsrConfig;
  /** Byte strings are views. */
  readonly evidence: CsrEvidence;
}

/** The words every request begins with. */
export const CSR_CONFIRM = 'please sign cert:';

const MAX_EVIDENCE = 10_485_760;
const MAX_REQUEST = MAX_EVIDENCE + (1 << 20);
const MAX_SPKI = 1024;
const MAX_TEXT = 1024;
const MAX_NAMES = 256;

/**
 * Decodes a request of version 1 or 2: at most 11 MiB, texts of at most 1 KiB, 256 names, evidence of 10 MiB.
 * The encoding is canonical, so the bytes given here are the ones the signature is over.
 * @throws ServiceError INVALID_ARGUMENT "Failed to parse csr", the mistake being its cause
 */
export function decodeCsr(bytes: Uint8Array, version: 1 | 2): CertificateRequest {
  try {
    if (bytes.length > MAX_REQUEST) throw new ScaleError(`request of ${bytes.length} bytes, at most ${MAX_REQUEST}`);
    return version === 2 ? decodeV2(new ScaleReader(bytes)) : decodeV1(new ScaleReader(bytes));
  } catch (cause) {
    // What is wrong with it is the sender's to know.
    if (cause instanceof ScaleError) throw invalidArgument('Failed to parse csr', { cause: invalidArgument(messageChain(cause)) });
    throw cause;
  }
}

/** Encoding of a version 2 request, ready to be signed; the attestation comes last without a length. */
export function encodeCsrV2(spki: Uint8Array, config: CsrConfig, attestation: Uint8Array): Uint8Array {
  return new ScaleWriter()
    .string(CSR_CONFIRM)
    .bytes(spki)
    .option(config.organization, (writer, text) => writer.string(text))
    .string(config.subject)
    .vector(config.subjectAltNames, (writer, text) => writer.string(text))
    .bool(config.serverAuth)
    .bool(config.clientAuth)
    .bool(config.withAttestation)
    .bool(config.withAppInfo)
    .option(config.notBefore, (writer, time) => writer.u64(time))
    .option(config.notAfter, (writer, time) => writer.u64(time))
    .raw(attestation)
    .finish();
}

/** A version 2 request for `key` and its signature (ECDSA-P256-SHA256, DER). */
export function signCsr(key: P256Key, config: CsrConfig, attestation: Uint8Array): { readonly csr: Uint8Array; readonly signature: Uint8Array } {
  const csr = encodeCsrV2(key.spki, config, attestation);
  return { csr, signature: key.sign(csr) };
}

function decodeV2(reader: ScaleReader): CertificateRequest {
  const type = 'CertSigningRequestV2';
  const head = decodeHead(reader, type);
  const config = reader.field(`${type}::config`, () => {
    const name = 'CertConfigV2';
    const common = decodeConfig(reader, name);
    const withAppInfo = reader.field(`${name}::ext_app_info`, (r) => r.bool());
    const notBefore = reader.field(`${name}::not_before`, (r) => r.option((inner) => inner.u64()));
    const notAfter = reader.field(`${name}::not_after`, (r) => r.option((inner) => inner.u64()));
    return { ...common, withAppInfo, notBefore, notAfter };
  });
  const attestation = reader.rest();
  if (attestation.length > MAX_EVIDENCE) throw new ScaleError(`attestation of ${attestation.length} bytes, at most ${MAX_EVIDENCE}`);
  return { ...head, config, evidence: { version: 2, attestation } };
}

function decodeV1(reader: ScaleReader): CertificateRequest {
  const type = 'CertSigningRequestV1';
  const head = decodeHead(reader, type);
  const config = reader.field(`${type}::config`, () => decodeConfig(reader, 'CertConfig'));
  const quote = reader.field(`${type}::quote`, (r) => r.bytes(MAX_EVIDENCE));
  const eventLog = reader.field(`${type}::event_log`, (r) => r.bytes(MAX_EVIDENCE));
  reader.end();
  return { ...head, config: { ...config, withAppInfo: false, notBefore: null, notAfter: null }, evidence: { version: 1, quote, eventLog } };
}

function decodeHead(reader: ScaleReader, type: string): Pick<CertificateRequest, 'confirm' | 'spki'> {
  const confirm = reader.field(`${type}::confirm`, (r) => r.string(MAX_TEXT));
  return { confirm, spki: reader.field(`${type}::pubkey`, (r) => r.bytes(MAX_SPKI)) };
}

function decodeConfig(reader: ScaleReader, type: string): Omit<CsrConfig, 'withAppInfo' | 'notBefore' | 'notAfter'> {
  return {
    organization: reader.field(`${type}::org_name`, (r) => r.option((inner) => inner.string(MAX_TEXT))),
    subject: reader.field(`${type}::subject`, (r) => r.string(MAX_TEXT)),
    subjectAltNames: reader.field(`${type}::subject_alt_names`, (r) => r.vector(MAX_NAMES, (inner) => inner.string(MAX_TEXT))),
    serverAuth: reader.field(`${type}::usage_server_auth`, (r) => r.bool()),
    clientAuth: reader.field(`${type}::usage_client_auth`, (r) => r.bool()),
    withAttestation: reader.field(`${type}::ext_quote`, (r) => r.bool()),
  };
}

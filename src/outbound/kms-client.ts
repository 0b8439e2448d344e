import type { AppraisalPolicy } from '../attestation/appraisal/policy.js';
import { encodeAttestation } from '../attestation/wire/decode.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import { stripForCertificate } from '../attestation/wire/strip.js';
import { hex } from '../crypto/hex.js';
import { randomP256Key } from '../crypto/p256.js';
import { p256KeyFromPem, p256KeyToPem } from '../crypto/p256-pem.js';
import { certificateReportData } from '../crypto/report-data.js';
import { ConfigError } from '../errors/config-error.js';
import { KmsClientError } from '../errors/kms-client-error.js';
import type { KmsAppKeys, KmsKeySource } from '../guest-agent/provision.js';
import { loadCertificateAuthority } from '../x509/certificate-authority.js';
import { certificatePem } from '../x509/pem.js';
import { issueRaClient } from '../x509/profiles/ra-client.js';
import { defaultValidity } from '../x509/validity.js';
import { type KmsAnswer, kmsAnswer } from './kms-answer.js';
import { checkKmsServer, checkRootPin } from './kms-server-trust.js';
import { bindKmsSession } from './kms-session.js';
import { prpcCall } from './prpc-call.js';
import { raTlsConnect, type RaTlsTarget } from './ra-tls-connect.js';

/** A KMS seen from an attested instance. Every method may throw KmsClientError or EvidenceSourceError. */
export interface KmsClient extends KmsKeySource {
  /** Root and temporary CA of this KMS, all PEM. Asked once; the root is checked against the pin. */
  getTempCaCert(): Promise<TempCa>;
  /** One named key, 32 bytes (spec/api.md section 2.1). */
  getKey(name: string): Promise<Uint8Array>;
  /** PEM chain, leaf first (spec/kms.md section 13.6). `csr` is version 2. */
  signCert(csr: Uint8Array, signature: Uint8Array, vmConfig: string, signal?: AbortSignal): Promise<readonly string[]>;
}

export interface TempCa {
  readonly tempCaCert: string;
  /** Public by design. */
  readonly tempCaKey: string;
  /** Root CA. */
  readonly caCert: string;
}

export interface KmsClientOptions {
  /** Base URL with or without a trailing `/prpc`, https. */
  readonly url: string;
  readonly evidence: EvidenceSource;
  readonly verifier: AttestationVerifier;
  /** What the evidence of the KMS must be like; strict unless an operator relaxed it. */
  readonly appraisal: AppraisalPolicy;
  /** Root known beforehand, PEM; null to take the one the KMS names, subject to `rootSpki`. */
  readonly rootPem: string | null;
  /** SubjectPublicKeyInfo (DER) the root must have; null for any. */
  readonly rootSpki: Uint8Array | null;
  /** Accept a server certificate without attestation. One that carries an attestation must verify either way. */
  readonly insecureAllowUnattestedKms: boolean;
  /** Have the KMS prove itself on every connection, and prove ourselves to it; it must know how to (`core.require_session_binding`). */
  readonly bindSession: boolean;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
  /** Milliseconds; spec/guest-agent.md section 13.1 unless given. */
  readonly connectTimeoutMs?: number;
  readonly totalTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const TOTAL_TIMEOUT_MS = 60_000;
/** Seconds a client certificate is shown again; evidence from an NSM grows stale within the hour. */
const CLIENT_CERTIFICATE_AGE = 600;

/**
 * The steps of spec/guest-agent.md section 13.1. Only GetTempCaCert goes over a connection nobody verified:
 * nothing secret is in it, and what it answers is judged by the pin and by what the next connection proves.
 * @throws ConfigError CONFIG_INVALID unless `url` is an https URL
 */
export function createKmsClient(options: KmsClientOptions): KmsClient {
  const base = baseUrl(options.url);
  const call = async (method: string, body: Record<string, unknown>, session: Session, signal: AbortSignal): Promise<KmsAnswer> => {
    const { hostname, port, pathname } = base;
    const host = hostname.replace(/^\[|\]$/g, '');
    const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const { socket, server } = await raTlsConnect({ host, port: port === '' ? 443 : Number(port), ...session, connectTimeoutMs, signal });
    const send = async (name: string, message: Readonly<Record<string, unknown>>, keepOpen: boolean): Promise<KmsAnswer> =>
      kmsAnswer(name, await prpcCall({ socket, keepOpen, host: base.host, path: `${pathname}/${name}`, body: message, signal }));
    try {
      if (options.bindSession && session.bind) {
        const clientSpki = session.client === null ? null : session.client.spki;
        await bindKmsSession({ socket, server, clientSpki, call: (name, message) => send(name, message, true), signal }, options);
      }
      return await send(method, body, false);
    } finally {
      socket.destroy();
    }
  };
  const deadline = (signal?: AbortSignal): AbortSignal => {
    const timeout = AbortSignal.timeout(options.totalTimeoutMs ?? TOTAL_TIMEOUT_MS);
    return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  };
  const trustOf = (rootPem: string): Session['trust'] => ({ rootPem, check: (certificate) => checkKmsServer(certificate, options) });

  const getTempCaCert = once(async (): Promise<TempCa> => {
    const trust = options.rootPem === null ? { rootPem: null, check: async () => null } : trustOf(options.rootPem);
    const answer = await call('GetTempCaCert', {}, { trust, client: null, bind: false }, deadline());
    const tempCa = { tempCaCert: answer.text('temp_ca_cert'), tempCaKey: answer.text('temp_ca_key'), caCert: answer.text('ca_cert') };
    checkRootPin(tempCa.caCert, options.rootSpki);
    return tempCa;
  });
  const clientCertificate = createClientCertificate(options, getTempCaCert);
  const attested = async (method: string, body: Record<string, unknown>): Promise<KmsAnswer> => {
    const { caCert } = await getTempCaCert();
    const session = { trust: trustOf(options.rootPem ?? caCert), client: await clientCertificate(), bind: true };
    return call(method, body, session, deadline());
  };
  return {
    getTempCaCert,
    async getAppKey(vmConfig) {
      const answer = appKeyAnswer(await attested('GetAppKey', { api_version: 1, vm_config: vmConfig }));
      // The root the instance is about to trust must be the one this connection was verified against.
      checkRootPin(answer.caCert, checkRootPin((await getTempCaCert()).caCert, options.rootSpki));
      return answer;
    },
    async getKey(name) {
      return (await attested('GetKey', { name })).bytes('key', 32);
    },
    async signCert(csr, signature, vmConfig, signal) {
      const root = options.rootPem ?? (await getTempCaCert()).caCert;
      const body = { api_version: 2, csr: hex(csr), signature: hex(signature), vm_config: vmConfig };
      // The evidence in the request is what authorizes: no client certificate is needed (spec/kms.md section 13.6), but to bind the session.
      const client = options.bindSession ? await clientCertificate() : null;
      return (await call('SignCert', body, { trust: trustOf(root), client, bind: true }, deadline(signal))).texts('certificate_chain');
    },
  };
}

interface Session extends Pick<RaTlsTarget, 'trust'> {
  readonly client: ClientCertificate | null;
  /** Whether something is released over it: GetTempCaCert comes before anything can be proven. */
  readonly bind: boolean;
}

interface ClientCertificate extends NonNullable<RaTlsTarget['client']> {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
}

/** A client certificate with fresh evidence, signed by the temporary CA, kept while its evidence is young. */
function createClientCertificate(options: KmsClientOptions, getTempCa: () => Promise<TempCa>): () => Promise<ClientCertificate> {
  let last: { readonly pair: ClientCertificate; readonly at: number } | null = null;
  return async () => {
    const at = options.clock();
    if (last !== null && at - last.at < CLIENT_CERTIFICATE_AGE) return last.pair;
    const { tempCaCert, tempCaKey } = await getTempCa();
    const key = randomP256Key(options.random);
    const attestation = await options.evidence.attest(certificateReportData(key.spki));
    const stripped = encodeAttestation(stripForCertificate(attestation));
    const ca = temporaryCa(tempCaCert, tempCaKey);
    const cert = certificatePem(issueRaClient({ spki: key.spki, attestation: stripped, validity: defaultValidity(at) }, ca));
    last = { pair: { key: p256KeyToPem(key), cert, spki: key.spki }, at };
    return last.pair;
  };
}

function temporaryCa(certificate: string, key: string): ReturnType<typeof loadCertificateAuthority> {
  try {
    return loadCertificateAuthority(certificate, p256KeyFromPem(key));
  } catch (cause) {
    throw new KmsClientError('KMS_ANSWER_INVALID', 'the temporary CA of the KMS is not a CA', { cause });
  }
}

function appKeyAnswer(answer: KmsAnswer): KmsAppKeys {
  return {
    caCert: answer.text('ca_cert'),
    diskCryptKey: answer.bytes('disk_crypt_key', 32),
    envCryptKey: answer.bytes('env_crypt_key', 32),
    k256Key: answer.bytes('k256_key', 32),
    k256Signature: answer.bytes('k256_signature', 65),
    gatewayAppId: answer.text('gateway_app_id'),
    osImageHash: answer.bytes('os_image_hash', null),
  };
}

function baseUrl(url: string): URL {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') throw new ConfigError('CONFIG_INVALID', `KMS URL ${url} must be https`);
  const parsed = new URL(url);
  const path = parsed.pathname.replace(/\/+$/, '');
  parsed.pathname = path.endsWith('/prpc') ? path : `${path}/prpc`;
  return parsed;
}

/** Remembers a success; after a failure the next call tries again. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}

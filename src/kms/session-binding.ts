import { appraise } from '../attestation/appraisal/appraise.js';
import type { AppraisalPolicy } from '../attestation/appraisal/policy.js';
import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import type { Asker } from '../attestation/evidence/evidence-source.js';
import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import { isSameMachine, verifySessionEvidence } from '../attestation/ra-tls/session.js';
import { encodeAttestation } from '../attestation/wire/decode.js';
import { stripForCertificate } from '../attestation/wire/strip.js';
import type { TlsSession } from '../caller/tls-session.js';
import { SESSION_EXPORTER, sessionReportData } from '../crypto/session-report-data.js';
import { AppraisalError } from '../errors/appraisal-error.js';
import { ServiceError } from '../errors/service-error.js';
import { parseCertificate } from '../x509/certificate.js';
import type { OwnEvidence } from './own-evidence.js';

const CHALLENGE_BYTES = 32;
/** Seconds to answer a challenge; a quote takes one, a busy device some more. */
const CHALLENGE_SECONDS = 60;
/** Answers judged on one connection: each costs the verification of a quote. */
const MAX_ANSWERS = 16;

export interface SessionBindingOptions {
  readonly evidence: OwnEvidence;
  readonly verifier: AttestationVerifier;
  readonly appraisal: AppraisalPolicy;
  /** Of the certificate this KMS presents, DER. */
  readonly ownSpki: Uint8Array;
  /** Whether keys are released on bound connections only. */
  readonly required: boolean;
  /** Seconds a connection stays bound. */
  readonly maxAgeSeconds: number;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
}

/** What is known of one connection: never more than one challenge. */
interface State {
  challenge: { readonly nonce: Uint8Array; readonly at: number } | null;
  /** Since when the connection is bound (unix seconds), and to what. */
  bound: { readonly at: number; readonly machine: VerifiedAttestation } | null;
  answers: number;
}

/**
 * Evidence bound to the connection it is given on, in both directions, so that nobody can pass on somebody else's: neither
 * a machine between the two, nor the holder of a TLS key that left its TEE.
 */
export class SessionBindings {
  readonly #options: SessionBindingOptions;
  /** Goes with the connection. */
  readonly #states = new WeakMap<TlsSession, State>();

  constructor(options: SessionBindingOptions) {
    this.#options = options;
  }

  /**
   * Fresh evidence of this KMS for the connection: versioned attestation, stripped.
   * @param nonce 16 to 64 bytes of the client's choice
   * @throws ServiceError INVALID_ARGUMENT (nonce, no TLS), EvidenceSourceError
   */
  async evidence(session: TlsSession | null, nonce: Uint8Array, asker: Asker, signal: AbortSignal): Promise<Uint8Array> {
    const reportData = sessionReportData({ exporter: exporterOf(known(session)), spki: this.#options.ownSpki, nonce });
    return encodeAttestation(stripForCertificate(await this.#options.evidence.attest(reportData, signal, asker)));
  }

  /** A nonce (32 bytes) for the evidence of the client; the one given before counts no more. @throws ServiceError INVALID_ARGUMENT without TLS */
  challenge(session: TlsSession | null): Uint8Array {
    const nonce = this.#options.random(CHALLENGE_BYTES);
    this.#stateOf(known(session)).challenge = { nonce, at: this.#options.clock() };
    return nonce;
  }

  /**
   * Judges the client's evidence over the challenge, and marks the connection as bound. Whatever comes of it, the challenge is spent.
   * @param caller what the certificate of the connection proved
   * @returns seconds the connection stays bound
   * @throws AppraisalError SESSION_NOT_BOUND (no challenge, or too late), SESSION_OTHER_MACHINE, and of the appraisal; VerificationError;
   *   ServiceError RESOURCE_EXHAUSTED after too many attempts
   */
  async bind(session: TlsSession | null, caller: VerifiedAttestation, attestation: Uint8Array): Promise<number> {
    const { verifier, appraisal, clock, maxAgeSeconds } = this.#options;
    const at = known(session);
    const state = this.#stateOf(at);
    const { challenge } = state;
    state.challenge = null;
    if (challenge === null || !isYoung(challenge.at, CHALLENGE_SECONDS, clock())) throw notBound('ask for a challenge, and answer it in time');
    if (++state.answers > MAX_ANSWERS) throw new ServiceError('RESOURCE_EXHAUSTED', 'too much evidence on one connection');
    const binding = { exporter: exporterOf(at), spki: peerSpki(at), nonce: challenge.nonce };
    const verified = await verifySessionEvidence(attestation, binding, verifier);
    if (!isSameMachine(verified, caller)) throw new AppraisalError('SESSION_OTHER_MACHINE', 'the evidence is of another machine than that in the certificate');
    appraise(verified, appraisal);
    state.bound = { at: clock(), machine: caller };
    return maxAgeSeconds;
  }

  /**
   * The machine that proved itself on this connection of late; null for none.
   * @throws AppraisalError SESSION_NOT_BOUND for none where it is required
   */
  boundMachine(session: TlsSession | null): VerifiedAttestation | null {
    const { required, maxAgeSeconds, clock } = this.#options;
    const bound = session === null ? null : (this.#states.get(session)?.bound ?? null);
    if (bound !== null && isYoung(bound.at, maxAgeSeconds, clock())) return bound.machine;
    if (required) throw notBound('this KMS releases keys on bound sessions only');
    return null;
  }

  #stateOf(session: TlsSession): State {
    const found = this.#states.get(session) ?? { challenge: null, bound: null, answers: 0 };
    this.#states.set(session, found);
    return found;
  }
}

function known(session: TlsSession | null): TlsSession {
  if (session === null) throw new ServiceError('INVALID_ARGUMENT', 'only a TLS connection can be bound');
  return session;
}

function exporterOf(session: TlsSession): Uint8Array {
  return session.exporter(SESSION_EXPORTER.label, SESSION_EXPORTER.length);
}

function peerSpki({ peerCertificate }: TlsSession): Uint8Array {
  if (peerCertificate === null) throw new ServiceError('UNAUTHORIZED', 'No attestation provided');
  return parseCertificate(peerCertificate).spki;
}

/** A clock that was set back says nothing about age, so it counts as too old. */
function isYoung(at: number, seconds: number, now: number): boolean {
  return now >= at && now - at < seconds;
}

function notBound(why: string): AppraisalError {
  return new AppraisalError('SESSION_NOT_BOUND', `session is not bound: ${why}`);
}

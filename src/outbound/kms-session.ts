import type { TLSSocket } from 'node:tls';
import { appraise } from '../attestation/appraisal/appraise.js';
import type { AppraisalPolicy } from '../attestation/appraisal/policy.js';
import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import { isSameMachine, verifySessionEvidence } from '../attestation/ra-tls/session.js';
import { encodeAttestation } from '../attestation/wire/decode.js';
import { stripForCertificate } from '../attestation/wire/strip.js';
import { hex } from '../crypto/hex.js';
import { SESSION_EXPORTER, sessionReportData } from '../crypto/session-report-data.js';
import { AppraisalError } from '../errors/appraisal-error.js';
import { KmsClientError } from '../errors/kms-client-error.js';
import { VerificationError } from '../errors/verification-error.js';
import { parseCertificate } from '../x509/certificate.js';
import type { KmsAnswer } from './kms-answer.js';

const NONCE_BYTES = 32;

export interface KmsSessionOptions {
  readonly evidence: EvidenceSource;
  readonly verifier: AttestationVerifier;
  readonly appraisal: AppraisalPolicy;
  readonly random: (length: number) => Uint8Array;
}

/** A verified connection to a KMS. */
export interface KmsSession {
  readonly socket: TLSSocket;
  /** What the certificate of the KMS proved; null where it carried no attestation and need not. */
  readonly server: VerifiedAttestation | null;
  /** SubjectPublicKeyInfo (DER) of our certificate on the connection; null without one. */
  readonly clientSpki: Uint8Array | null;
  /** A call on this connection that leaves it open. */
  readonly call: (method: string, body: Readonly<Record<string, unknown>>) => Promise<KmsAnswer>;
  readonly signal: AbortSignal;
}

/**
 * Has the KMS prove that it is at the other end of this very connection, then does the same for it: evidence alone could have
 * been relayed from another connection, and a TLS key could have left its TEE.
 * @throws KmsClientError KMS_NOT_TRUSTED when the proof of the KMS does not hold, KMS_REFUSED when it takes ours for none; EvidenceSourceError
 */
export async function bindKmsSession(session: KmsSession, options: KmsSessionOptions): Promise<void> {
  await checkKmsSession(session, options);
  if (session.clientSpki !== null) await proveOurselves(session, session.clientSpki, options.evidence);
}

async function checkKmsSession(session: KmsSession, { verifier, appraisal, random }: Omit<KmsSessionOptions, 'evidence'>): Promise<void> {
  const nonce = random(NONCE_BYTES);
  const answer = await session.call('GetSessionEvidence', { nonce: hex(nonce) });
  try {
    const { raw } = session.socket.getPeerCertificate(false);
    const binding = { exporter: exporterOf(session.socket), spki: parseCertificate(Uint8Array.from(raw)).spki, nonce };
    const verified = await verifySessionEvidence(answer.bytes('attestation', null), binding, verifier);
    appraise(verified, appraisal);
    if (session.server !== null && !isSameMachine(verified, session.server)) {
      throw new AppraisalError('SESSION_OTHER_MACHINE', 'the evidence is of another machine than that in the certificate');
    }
  } catch (cause) {
    if (!(cause instanceof VerificationError || cause instanceof AppraisalError)) throw cause;
    throw new KmsClientError('KMS_NOT_TRUSTED', 'the KMS is not at the other end of the connection', { cause });
  }
}

async function proveOurselves(session: KmsSession, spki: Uint8Array, evidence: EvidenceSource): Promise<void> {
  const nonce = (await session.call('GetSessionChallenge', {})).bytes('nonce', NONCE_BYTES);
  const attestation = await evidence.attest(sessionReportData({ exporter: exporterOf(session.socket), spki, nonce }), session.signal);
  await session.call('BindSession', { attestation: hex(encodeAttestation(stripForCertificate(attestation))) });
}

function exporterOf(socket: TLSSocket): Uint8Array {
  return Uint8Array.from(socket.exportKeyingMaterial(SESSION_EXPORTER.length, SESSION_EXPORTER.label, Buffer.alloc(0)));
}

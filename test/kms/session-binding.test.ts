import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { STRICT_POLICY } from '../../src/attestation/appraisal/policy.js';
import { createAttestationVerifier } from '../../src/attestation/evidence/attestation-verifier.js';
import type { VerifiedAttestation } from '../../src/attestation/evidence/verified.js';
import { verifyRaTlsCertificate } from '../../src/attestation/ra-tls/binding.js';
import { encodeAttestation } from '../../src/attestation/wire/decode.js';
import type { TlsSession } from '../../src/caller/tls-session.js';
import { randomP256Key } from '../../src/crypto/p256.js';
import { certificateReportData } from '../../src/crypto/report-data.js';
import { sessionReportData } from '../../src/crypto/session-report-data.js';
import { SessionBindings } from '../../src/kms/session-binding.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { loadCertificateAuthority } from '../../src/x509/certificate-authority.js';
import { certificatePem } from '../../src/x509/pem.js';
import { issueRaClient } from '../../src/x509/profiles/ra-client.js';
import { issueTempCa } from '../../src/x509/profiles/temp-ca.js';
import { defaultValidity } from '../../src/x509/validity.js';
import { machineOf, NOW, SEED, testApp } from '../app/support/development-kms.js';

const machine = machineOf(testApp('session'));
const own = machineOf(testApp('kms'));
let now = NOW;
const clock = (): number => now;
const verifier = createAttestationVerifier({ roots: developmentRoots(SEED), collateral: machine.collateral, clock });
const key = randomP256Key(randomBytes);
const caKey = randomP256Key(randomBytes);

async function connection(exporter: number): Promise<{ session: TlsSession; caller: VerifiedAttestation }> {
  const attestation = encodeAttestation(await machine.attest(certificateReportData(key.spki)));
  const ca = loadCertificateAuthority(certificatePem(issueTempCa(caKey, defaultValidity(NOW))), caKey);
  const peerCertificate = issueRaClient({ spki: key.spki, attestation, validity: defaultValidity(NOW) }, ca);
  const session = { peerCertificate, exporter: (_label: string, length: number) => new Uint8Array(length).fill(exporter) };
  return { session, caller: await verifyRaTlsCertificate(peerCertificate, verifier) };
}

const proof = async (nonce: Uint8Array, exporter = 1, from = machine): Promise<Uint8Array> =>
  encodeAttestation(await from.attest(sessionReportData({ exporter: new Uint8Array(32).fill(exporter), spki: key.spki, nonce })));

const bindings = (required = true): SessionBindings =>
  new SessionBindings({ evidence: { attest: own.attest, vmConfig: async () => '' }, verifier, appraisal: STRICT_POLICY, ownSpki: key.spki, required, maxAgeSeconds: 600, clock, random: randomBytes });

const NOT_BOUND = { name: 'AppraisalError', code: 'SESSION_NOT_BOUND' };
const codeOf = (act: () => void): unknown => {
  try {
    act();
    return null;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

beforeEach(() => {
  now = NOW;
});

describe('SessionBindings', () => {
  it('binds a connection for as long as evidence of it counts', async () => {
    const { session, caller } = await connection(1);
    const sessions = bindings();
    expect(codeOf(() => sessions.boundMachine(session))).toBe('SESSION_NOT_BOUND');
    expect(await sessions.bind(session, caller, await proof(sessions.challenge(session)))).toBe(600);
    expect(sessions.boundMachine(session)).toBe(caller);
    now += 600;
    expect(codeOf(() => sessions.boundMachine(session))).toBe('SESSION_NOT_BOUND');
    expect(bindings(false).boundMachine(session)).toBe(null);
    expect(codeOf(() => sessions.boundMachine(null))).toBe('SESSION_NOT_BOUND');
  });

  it('takes an answer once, in time, and to the last challenge only', async () => {
    const { session, caller } = await connection(1);
    const sessions = bindings();
    await expect(sessions.bind(session, caller, await proof(randomBytes(32)))).rejects.toMatchObject(NOT_BOUND);
    const late = await proof(sessions.challenge(session));
    now += 60;
    await expect(sessions.bind(session, caller, late)).rejects.toMatchObject(NOT_BOUND);
    const replaced = await proof(sessions.challenge(session));
    sessions.challenge(session);
    await expect(sessions.bind(session, caller, replaced)).rejects.toMatchObject({ code: 'REPORT_DATA_MISMATCH' });
    const good = await proof(sessions.challenge(session));
    await sessions.bind(session, caller, good);
    await expect(sessions.bind(session, caller, good)).rejects.toMatchObject(NOT_BOUND);
  });

  it('refuses evidence of another connection and of another machine', async () => {
    const { session, caller } = await connection(1);
    const sessions = bindings();
    await expect(sessions.bind(session, caller, await proof(sessions.challenge(session), 2))).rejects.toMatchObject({ code: 'REPORT_DATA_MISMATCH' });
    const foreign = await proof(sessions.challenge(session), 1, machineOf(testApp('foreign')));
    await expect(sessions.bind(session, caller, foreign)).rejects.toMatchObject({ name: 'AppraisalError', code: 'SESSION_OTHER_MACHINE' });
    expect(codeOf(() => sessions.boundMachine(session))).toBe('SESSION_NOT_BOUND');
  });

  it('takes evidence of the same machine after its application measured an event', async () => {
    const { session, caller } = await connection(1);
    const sessions = bindings();
    await machine.emitEvent?.('later', new Uint8Array([1]));
    expect(await sessions.bind(session, caller, await proof(sessions.challenge(session)))).toBe(600);
  });

  it('judges a bounded number of answers on one connection', async () => {
    const { session, caller } = await connection(1);
    const sessions = bindings();
    for (let at = 0; at < 16; at++) {
      sessions.challenge(session);
      await expect(sessions.bind(session, caller, new Uint8Array([1]))).rejects.toMatchObject({ code: 'ATTESTATION_MALFORMED' });
    }
    sessions.challenge(session);
    await expect(sessions.bind(session, caller, new Uint8Array([1]))).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });

  it('needs TLS', () => {
    expect(codeOf(() => bindings().challenge(null))).toBe('INVALID_ARGUMENT');
  });
});

import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatEventLog } from '../../../src/attestation/event-log/tdx-event-json.js';
import type { Attestation } from '../../../src/attestation/evidence/attestation.js';
import { createAttestationVerifier } from '../../../src/attestation/evidence/attestation-verifier.js';
import { appInfo } from '../../../src/attestation/evidence/measurements.js';
import { parseNsmDocument } from '../../../src/attestation/nitro/document.js';
import { attestationFromCertificate, verifyRaTlsCertificate } from '../../../src/attestation/ra-tls/binding.js';
import { decodeAttestation, encodeAttestation } from '../../../src/attestation/wire/decode.js';
import { octetString } from '../../../src/crypto/der-write.js';
import { certificateReportData } from '../../../src/crypto/report-data.js';
import { buildCertificate } from '../../../src/x509/build.js';
import { DSTACK_OID } from '../../../src/x509/oids.js';
import { subjectNameDer } from '../../../src/x509/name.js';
import { parsePemChain } from '../../../src/x509/pem.js';
import { ecdsaSigner } from '../../../src/x509/signer.js';
import { VerificationError } from '../../../src/errors/verification-error.js';
import { evidenceCollateral, evidenceIndex, evidenceRoots } from '../evidence/evidence-index.js';
import { hex, unhex, vector, vectorJson, vectorText } from '../vectors.js';

const verifierAt = (now: number) => createAttestationVerifier({ roots: evidenceRoots, collateral: evidenceCollateral(), clock: () => now });
const verifier = verifierAt(evidenceIndex.made_at);
const clients = vectorJson<{ evidence?: string; client_pem?: string }[]>('kms/boot-info.json').filter(({ evidence, client_pem: pem }) => pem !== undefined && /^(tdx|nitro)/.test(evidence ?? ''));
const code = (expected: string) => expect.objectContaining({ name: 'VerificationError', code: expected });

/** NSM documents are good for an hour, and those certificates were made after index.json. */
function madeAt(attestation: Attestation | undefined): number {
  return attestation?.platform.kind === 'nitro-enclave' ? parseNsmDocument(attestation.platform.nsmQuote).timestampMs / 1000 : evidenceIndex.made_at;
}

function der(pem: string): Uint8Array {
  const [first] = parsePemChain(pem, 4);
  if (first === undefined) throw new Error('no certificate');
  return first;
}

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const spki = Uint8Array.from(key.publicKey.export({ type: 'spki', format: 'der' }));

/** A certificate over `key` with the given dstack extensions, each content wrapped as the real ones are. */
function certificate(extensions: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const name = subjectNameDer({ organization: null, commonName: 'test' });
  return buildCertificate({
    serial: Uint8Array.of(1),
    issuer: name,
    subject: name,
    notBefore: 0,
    notAfter: 1,
    spki,
    extensions: Object.entries(extensions).map(([oid, content]) => ({ oid, critical: false, value: octetString(content) })),
    signer: ecdsaSigner(key.privateKey),
  });
}

describe('certificates of attested clients as an existing KMS recorded them', () => {
  it.each(clients)('$evidence is bound to its key and verifies', async ({ client_pem: pem }) => {
    const bytes = der(pem ?? '');
    const attested = attestationFromCertificate(bytes);
    const verified = await verifyRaTlsCertificate(bytes, verifierAt(madeAt(attested?.attestation)));
    expect(hex(appInfo(verified, { view: 'runtime' }).appId)).toBe('a0'.repeat(20));
    expect(attested).toMatchObject({ appId: null, appInfo: null, usage: null });
    expect(hex(verified.reportData)).toBe(hex(certificateReportData(attested?.spki ?? new Uint8Array())));
  });

  it('has cases to check', () => {
    expect(clients.length).toBe(6);
  });

  it('the RPC certificate of a KMS says what it is for', () => {
    expect(attestationFromCertificate(der(vectorText('kms/dir/rpc.crt')))).toMatchObject({ usage: 'kms:rpc', attestation: { platform: { kind: 'tdx' } } });
  });
});

describe('binding', () => {
  const attestation = vector('evidence/tdx.stripped.bin');

  it('genuine evidence in a certificate over another key is refused, before it is verified', async () => {
    let asked = 0;
    const counting = {
      verify: async () => {
        asked++;
        throw new Error('unreachable');
      },
    };
    await expect(verifyRaTlsCertificate(certificate({ [DSTACK_OID.attestation]: attestation }), counting)).rejects.toEqual(code('REPORT_DATA_MISMATCH'));
    expect(asked).toBe(0);
  });

  it('evidence whose outer report data were rewritten to fit is refused', async () => {
    const stolen = decodeAttestation(attestation);
    const fitted = encodeAttestation({ ...stolen, stack: { ...stolen.stack, reportData: certificateReportData(spki) } });
    await expect(verifyRaTlsCertificate(certificate({ [DSTACK_OID.attestation]: fitted }), verifier)).rejects.toEqual(code('REPORT_DATA_MISMATCH'));
  });

  it('a certificate without evidence is null, or refused where evidence is needed', async () => {
    const plain = certificate({ [DSTACK_OID.appId]: unhex('aa'.repeat(20)) });
    expect(attestationFromCertificate(plain)).toBeNull();
    await expect(verifyRaTlsCertificate(plain, verifier)).rejects.toEqual(code('ATTESTATION_ABSENT'));
  });

  it('malformed evidence is refused', () => {
    expect(() => attestationFromCertificate(certificate({ [DSTACK_OID.attestation]: unhex('00') }))).toThrow(code('ATTESTATION_MALFORMED'));
    expect(() => attestationFromCertificate(unhex('3000'))).toThrow(expect.objectContaining({ name: 'VerificationError' }));
  });
});

describe('the older pair of quote and event log', () => {
  const modern = decodeAttestation(vector('evidence/tdx.stripped.bin'));
  if (modern.platform.kind !== 'tdx') throw new Error('not TDX');
  const { quote, eventLog } = modern.platform;
  const log = Buffer.from(formatEventLog(eventLog));

  it('stands for an attestation of its run-time events and its own report data', async () => {
    const attested = attestationFromCertificate(certificate({ [DSTACK_OID.legacyTdxQuote]: quote, [DSTACK_OID.legacyEventLog]: log }));
    expect(attested?.attestation).toEqual({ wire: 'v0', platform: modern.platform, stack: { ...modern.stack, config: '' } });
    await expect(verifier.verify(attested?.attestation ?? modern)).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
  });

  it('the attestation wins when both are there', () => {
    const both = certificate({ [DSTACK_OID.legacyTdxQuote]: quote, [DSTACK_OID.legacyEventLog]: log, [DSTACK_OID.attestation]: vector('evidence/nitro.bin') });
    expect(attestationFromCertificate(both)?.attestation.platform.kind).toBe('nitro-enclave');
  });

  it('a quote without its log, and a log that is none, are refused', () => {
    expect(() => attestationFromCertificate(certificate({ [DSTACK_OID.legacyTdxQuote]: quote }))).toThrow(code('EXTENSION_MALFORMED'));
    expect(() => attestationFromCertificate(certificate({ [DSTACK_OID.legacyTdxQuote]: quote, [DSTACK_OID.legacyEventLog]: unhex('7b') }))).toThrow(code('EVENT_LOG_MALFORMED'));
  });
});

it('survives any change of a byte in a certificate with evidence', () => {
  const bytes = der(clients[0]?.client_pem ?? '');
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
      try {
        attestationFromCertificate(Uint8Array.from(bytes, (byte, i) => (i === at ? value : byte)));
      } catch (error) {
        expect(error).toBeInstanceOf(VerificationError);
      }
    }),
    { numRuns: 500 },
  );
});

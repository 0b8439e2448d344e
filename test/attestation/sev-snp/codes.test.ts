import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Attestation } from '../../../src/attestation/evidence/attestation.js';
import { VerifierCache } from '../../../src/attestation/evidence/verifier-cache.js';
import { verifyAttestation } from '../../../src/attestation/evidence/verify.js';
import { carriedCertificates } from '../../../src/attestation/sev-snp/certificates.js';
import { endorsedKeyOf } from '../../../src/attestation/sev-snp/endorsement-extensions.js';
import { mrConfigHostData } from '../../../src/attestation/sev-snp/mr-config.js';
import { NO_SNP_ROOTS } from '../../../src/attestation/trust-roots.js';
import type { SevSnpCode } from '../../../src/errors/codes/sev-snp.js';
import { VerificationError } from '../../../src/errors/verification-error.js';
import { NO_CERTIFICATES } from '../../../src/attestation/certificate-fetcher.js';
import { evidenceCollateral, evidenceRoots } from '../evidence/evidence-index.js';
import { certify, NOW, p384, pem, pssIdentifier, rsa, table } from './mini-amd.js';
import { chainOf, machine, type Machine, type MachineOptions, verify } from './machine.js';

const milan = machine();
const DOCUMENT = JSON.stringify({ app_id: 'a0'.repeat(20), compose_hash: 'c0'.repeat(32), key_provider: 'none', version: 3 });

/** Verifies a report of the machine, edited before it is signed. */
const edited = (edit: (report: Buffer) => void) => (): Promise<unknown> => verify(milan.report({ edit }), chainOf(milan), { roots: milan.roots });
/** Verifies a report changed after it was signed. */
const changed = (change: (report: Buffer) => Uint8Array | void) => async (): Promise<unknown> => {
  const report = Buffer.from(milan.report());
  return verify(change(report) ?? report, chainOf(milan), { roots: milan.roots });
};
const certified = (options: MachineOptions, of: (made: Machine) => Uint8Array[] = chainOf) => (): Promise<unknown> => {
  const made = machine(options);
  return verify(made.report(), of(made), { roots: made.roots });
};
const carrying = (chain: readonly Uint8Array[]) => (): Promise<unknown> => verify(milan.report(), chain, { roots: milan.roots });
const under = (root: Uint8Array | null) => (): Promise<unknown> => verify(milan.report(), chainOf(milan), { roots: { ...NO_SNP_ROOTS, Milan: root } });
const policy = (guest: bigint, platform: bigint) => edited((report) => {
  report.writeBigUInt64LE(guest, 0x08);
  report.writeBigUInt64LE(platform, 0x40);
});

function attested(document: string, hostData: Uint8Array = mrConfigHostData(document)): () => Promise<unknown> {
  const report = milan.report({ edit: (bytes) => bytes.set(hostData, 0xc0) });
  const attestation: Attestation = {
    wire: 'v1',
    platform: { kind: 'sev-snp', report, certChain: chainOf(milan), mrConfig: document },
    stack: { kind: 'dstack', reportData: new Uint8Array(64).fill(0xab), runtimeEvents: [], config: '', reportDataPayload: null },
  };
  return () => verifyAttestation(attestation, { now: NOW, roots: { ...evidenceRoots, sevSnp: milan.roots }, collateral: evidenceCollateral(), certificates: NO_CERTIFICATES, cache: new VerifierCache() });
}

/** At least one way to each code; the type has every code in it. */
const WAYS: Readonly<Record<SevSnpCode, readonly (() => Promise<unknown>)[]>> = {
  SNP_REPORT_MALFORMED: [
    changed((report) => report.subarray(1)),
    changed((report) => Buffer.concat([report, Uint8Array.of(0)])),
    changed((report) => void report.writeUInt8(1, 0x2a0 + 48)),
    changed((report) => void report.writeUInt8(1, 0x2a0 + 72 + 71)),
    changed((report) => void report.writeUInt8(1, 1183)),
  ],
  SNP_REPORT_VERSION_UNSUPPORTED: [edited((report) => void report.writeUInt32LE(1, 0)), edited((report) => void report.writeUInt32LE(4, 0))],
  SNP_SIGNATURE_ALGORITHM_UNSUPPORTED: [edited((report) => void report.writeUInt32LE(0, 0x34)), edited((report) => void report.writeUInt32LE(2, 0x34))],
  SNP_SIGNING_KEY_UNSUPPORTED: [2, 7].map((key) => edited((report) => void report.writeUInt32LE(key << 2, 0x48))),
  SNP_PRODUCT_UNKNOWN: [
    edited((report) => report.set([0x17, 0x01], 0x188)),
    edited((report) => report.set([0x19, 0x20], 0x188)),
    edited((report) => report.set([0x1a, 0x12], 0x188)),
    certified({ extensions: { productName: 'Naples-B1' } }),
  ],
  SNP_ROOT_NOT_CONFIGURED: [under(null), () => verify(milan.report(), chainOf(milan), { roots: { ...milan.roots, Milan: null, Turin: milan.root.der } })],
  SNP_ROOT_INVALID: [
    under(Uint8Array.of(1, 2, 3)),
    under(certify('ARK-Milan', {}).der),
    under(milan.intermediate.der),
    under(certify('ARK-Milan', { ca: true, issuer: { subject: 'ARK-Milan', key: p384() } }).der),
    under(certify('ARK-Milan', { ca: true, key: rsa(), identifier: pssIdentifier(32) }).der),
  ],
  SNP_CERTIFICATES_MALFORMED: [
    carrying([pem(milan.intermediate.der), Uint8Array.of(1)]),
    carrying([pem(milan.intermediate.der), pem(milan.leaf.der), pem(milan.root.der)]),
    carrying([Buffer.from('-----BEGIN CERTIFICATE-----\n')]),
    carrying([new Uint8Array(23)]),
    carrying([table({ '63da758de6644564adc5f4b93be8accd': milan.leaf.der }).subarray(0, 300)]),
    carrying([Uint8Array.of(...new Uint8Array(40).fill(0xff))]),
    carrying([pem(milan.intermediate.der), new Uint8Array(16 * 1024 + 1)]),
    carrying([new Uint8Array(256 * 1024 + 1)]),
    carrying([table(Object.fromEntries(Array.from({ length: 33 }, (_, i) => [i.toString(16).padStart(32, '0').replace(/^0/, '1'), Uint8Array.of(1)])))]),
  ],
  SNP_CERTIFICATE_EXTENSION_MALFORMED: [
    certified({ extensions: { levels: { bl: 4, tee: 2, snp: 24 } } }),
    certified({ extensions: { levels: { bl: 4, tee: 2, snp: 24, ucode: 256 } } }),
    certified({ extensions: { hardwareId: new Uint8Array(63) } }),
    certified({ extensions: { hardwareId: new Uint8Array(32), wrapped: true } }),
  ],
  SNP_CERTIFICATE_KIND_MISMATCH: [certified({ extensions: { hardwareId: null } }), certified({ extensions: { cspId: true } }), certified({ kind: 'vlek', extensions: { hardwareId: new Uint8Array(64) } })],
  SNP_CERTIFICATE_PRODUCT_MISMATCH: [certified({ extensions: { productName: 'Genoa' } }), certified({ kind: 'vlek', extensions: { productName: 'Turin' } })],
  SNP_CERTIFICATE_CHIP_MISMATCH: [certified({ extensions: { hardwareId: new Uint8Array(64) } }), certified({ product: 'Turin', extensions: { hardwareId: new Uint8Array(8), wrapped: true } })],
  SNP_CERTIFICATE_TCB_MISMATCH: [
    ...['bl', 'tee', 'snp', 'ucode'].map((part) => certified({ extensions: { levels: { bl: 4, tee: 2, snp: 24, ucode: 219, [part]: 7 } } })),
    certified({ product: 'Turin', extensions: { levels: { fmc: 2, bl: 4, tee: 2, snp: 24, ucode: 219 } } }),
    certified({ product: 'Turin', extensions: { levels: { bl: 4, tee: 2, snp: 24, ucode: 219 } } }),
    certified({ kind: 'vlek', extensions: { levels: { bl: 4, tee: 2, snp: 24, ucode: 218 } } }),
  ],
  SNP_SIGNATURE_INVALID: [
    () => verify(milan.report({ signedBy: p384() }), chainOf(milan), { roots: milan.roots }),
    changed((report) => void report.writeUInt8(0xff, 0x90)),
    changed((report) => void report.fill(0, 0x2a0)),
  ],
  SNP_VMPL_NOT_ZERO: [1, 3].map((level) => edited((report) => void report.writeUInt32LE(level, 0x30))),
  SNP_MIGRATION_AGENT_ALLOWED: [policy(0x7_0000n, 0n)],
  SNP_CHIP_KEY_MASKED: [edited((report) => void report.writeUInt32LE(1 << 1, 0x48))],
  SNP_SMT_ENABLED: [policy(0x2_0000n, 1n)],
  SNP_RAPL_ENABLED: [policy(0x83_0000n, 1n)],
  SNP_CIPHERTEXT_HIDING_MISSING: [policy(0x103_0000n, 1n)],
  SNP_HOST_DATA_MISMATCH: [attested(DOCUMENT, new Uint8Array(32)), attested(`${DOCUMENT} `, mrConfigHostData(DOCUMENT))],
  MR_CONFIG_MALFORMED: [attested('{}'), attested('no document')],
};

it('certificates in any form, changed anywhere, are refused or read: nothing else', () => {
  const whole = table({ '4ab7b379bbac4fe4a02f05aef327c782': milan.intermediate.der, '63da758de6644564adc5f4b93be8accd': milan.leaf.der });
  const survives = (chain: readonly Uint8Array[]): void => {
    try {
      const { leaf } = carriedCertificates(chain, 'vcek');
      if (leaf !== null) endorsedKeyOf(leaf);
    } catch (error) {
      expect(error).toBeInstanceOf(VerificationError);
    }
  };
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, end) => {
      const other = Uint8Array.from(whole);
      other[at] = byte;
      survives([other]);
      survives([other.subarray(0, end)]);
      const leaf = Uint8Array.from(milan.leaf.der);
      leaf[at % leaf.length] = byte;
      survives([milan.intermediate.der, leaf]);
    }),
    { numRuns: 2000 },
  );
});

describe('every code of SEV-SNP has evidence that leads to it', () => {
  const ways = Object.entries(WAYS).flatMap(([code, attempts]) => attempts.map((attempt, i) => ({ code, way: i + 1, attempt })));

  it.each(ways)('$code ($way)', async ({ code, attempt }) => {
    await expect((async () => attempt())()).rejects.toEqual(expect.objectContaining({ name: 'VerificationError', code }));
  });

  it('and evidence that differs in nothing else leads to none', async () => {
    await expect(attested(DOCUMENT)()).resolves.toMatchObject({ variant: 'dstack-amd-sev-snp', tcbStatus: 'UpToDate', advisoryIds: [] });
    await expect(policy(0x183_0000n, 0b11001n)()).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
    await expect(certified({ extensions: { hardwareId: Uint8Array.from({ length: 64 }, (_, i) => i + 1), wrapped: true } })()).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
  });
});

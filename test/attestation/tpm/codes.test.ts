import { createHash, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type CertificateFetcher, NO_CERTIFICATES } from '../../../src/attestation/certificate-fetcher.js';
import type { TpmQuote } from '../../../src/attestation/evidence/attestation.js';
import { verifyAttestation } from '../../../src/attestation/evidence/verify.js';
import { VerifierCache } from '../../../src/attestation/evidence/verifier-cache.js';
import { parseTpmAttest } from '../../../src/attestation/tpm/attest.js';
import { quotedPcr } from '../../../src/attestation/tpm/pcrs.js';
import { verifyTpmQuote } from '../../../src/attestation/tpm/verify.js';
import { decodeAttestation } from '../../../src/attestation/wire/decode.js';
import type { TpmCode } from '../../../src/errors/codes/tpm.js';
import { createDevelopmentTpmPki } from '../../../src/simulator/tpm-pki.js';
import { caIssuers, crlDistributionPoint } from '../../../src/x509/standard-extensions.js';
import { evidenceCertificates, evidenceCollateral, evidenceIndex, evidenceRoots } from '../evidence/evidence-index.js';
import { certify, p384 } from '../sev-snp/mini-amd.js';
import { hex, vector } from '../vectors.js';
import { ak, type Ak, BITMAP, digestOf, NOW, pcr, PCRS, type QuoteOptions, sized, tpmQuote, tpmSignature } from './mini-vtpm.js';

const ecc = ak('ecc');
const rsa = ak('rsa');

const verify = (quote: TpmQuote, { root }: Pick<Ak, 'root'> = ecc, certificates: CertificateFetcher = NO_CERTIFICATES) => verifyTpmQuote(quote, { now: NOW, root, certificates });
const quoted = (options: Omit<QuoteOptions, 'ak'> & { readonly ak?: Ak }) => (): Promise<unknown> => verify(tpmQuote({ ak: ecc, ...options }), options.ak);
const signedAs = (change: (quote: TpmQuote) => Partial<TpmQuote>, signer: Ak = ecc) => (): Promise<unknown> => {
  const quote = tpmQuote({ ak: signer });
  return verify({ ...quote, ...change(quote) }, signer);
};
const withMessage = (message: Uint8Array) => signedAs(() => ({ message }));
const withHead = (written: { algorithm?: number; hash?: number }, signer = ecc) => signedAs(({ message }) => ({ signature: tpmSignature(signer.key, message, written) }), signer);

/** A certificate whose issuers name each other at `url`. */
function endless(url: string): () => Promise<unknown> {
  const issuers = Array.from({ length: 8 }, (_, i) => certify(`CA ${i}`, { ca: true, issuer: { subject: `CA ${i + 1}`, key: p384() }, extensions: [caIssuers(`http://ca/${i + 1}`)] }));
  const leaf = certify('vTPM key', { key: ecc.key, issuer: { subject: 'CA 0', key: p384() }, extensions: [caIssuers(url)] });
  const certificates: CertificateFetcher = { allows: (asked) => asked.startsWith('http://ca/'), fetch: async (asked) => issuers[Number(asked.slice(10))]?.der ?? new Uint8Array() };
  return () => verify({ ...tpmQuote({ ak: ecc }), akCert: leaf.der }, ecc, certificates);
}

const recorded = (file: string) => (): Promise<unknown> =>
  verifyAttestation(decodeAttestation(vector(`evidence/${file}`)), { now: evidenceIndex.made_at, roots: evidenceRoots, collateral: evidenceCollateral(), certificates: evidenceCertificates(), cache: new VerifierCache() });

const good = tpmQuote({ ak: ecc });
/** At least one way to each code; the type has every code in it. */
const WAYS: Readonly<Record<TpmCode, readonly (() => Promise<unknown>)[]>> = {
  TPM_ATTEST_MALFORMED: [
    withMessage(new Uint8Array()),
    withMessage(good.message.subarray(0, -1)),
    withMessage(new Uint8Array(4097)),
    quoted({ selections: Array.from({ length: 17 }, () => [0x000b, BITMAP] as const) }),
    quoted({ selections: [[0x000b, new Uint8Array(33)]] }),
    quoted({ extraData: new Uint8Array(1025) }),
  ],
  TPM_ATTEST_NOT_A_QUOTE: [quoted({ magic: 0xff544346 }), quoted({ type: 0x8017 })],
  TPM_PCR_SELECTION_MISMATCH: [
    signedAs(() => ({ pcrValues: PCRS.slice(0, 2) })),
    signedAs(() => ({ pcrValues: PCRS.toReversed() })),
    quoted({ selections: [] }),
    quoted({ selections: [[0x000b, Uint8Array.of(1)], [0x000b, Uint8Array.of(1)]], pcrs: [pcr(0, 1), pcr(0, 1)] }),
  ],
  TPM_PCR_BANK_UNSUPPORTED: [quoted({ selections: [[0x0004, BITMAP]] }), quoted({ selections: [[0x000c, BITMAP]] })],
  TPM_PCR_VALUE_INVALID: [quoted({ pcrs: [pcr(0, 1, 31), pcr(2, 2), pcr(14, 3)] }), quoted({ pcrs: [pcr(0, 1), pcr(2, 2), pcr(14, 3, 48)] })],
  TPM_PCR_DIGEST_MISMATCH: [signedAs(() => ({ pcrValues: [pcr(0, 9), ...PCRS.slice(1)] })), quoted({ pcrDigest: new Uint8Array(32) }), quoted({ pcrDigest: new Uint8Array() })],
  TPM_EVENT_LOG_MISMATCH: [quoted({ eventLog: [{ pcrIndex: 0, digest: new Uint8Array(32) }] })],
  TPM_AK_KEY_UNSUPPORTED: [quoted({ ak: ak('p384') }), signedAs(() => ({ akCert: certify('vTPM key', { key: generateKeyPairSync('ed25519').privateKey, issuer: { subject: 'vTPM root', key: p384() } }).der }))],
  TPM_SIGNATURE_MALFORMED: [
    signedAs(() => ({ signature: new Uint8Array() })),
    signedAs(({ signature }) => ({ signature: signature.subarray(0, -1) })),
    signedAs(() => ({ signature: new Uint8Array(1025) })),
    signedAs(({ signature }) => ({ signature: Buffer.concat([signature.subarray(0, 4), sized(signature.subarray(7, 38)), signature.subarray(38)]) })),
    signedAs(({ signature }) => ({ signature: Buffer.concat([signature.subarray(0, 4), sized(new Uint8Array(513))]) }), rsa),
  ],
  TPM_SIGNATURE_ALGORITHM_UNSUPPORTED: [withHead({ algorithm: 0x0016 }), withHead({ hash: 0x000c }), withHead({ hash: 0x0004 }), withHead({ algorithm: 0x0014 }), withHead({ algorithm: 0x0018 }, rsa)],
  TPM_SIGNATURE_INVALID: [
    signedAs(({ message }) => ({ signature: tpmSignature(ak('ecc').key, message) })),
    signedAs(({ message }) => ({ signature: tpmSignature(ak('rsa').key, message) }), rsa),
    signedAs(({ message }) => ({ message: Buffer.concat([message, Uint8Array.of(0)]) })),
  ],
  TPM_AK_CHAIN_TOO_LONG: [endless('http://ca/0')],
  TPM_AK_URL_REFUSED: [endless('http://elsewhere/0'), refusedList()],
  TPM_PCR_MISSING: [async () => quotedPcr(new Map([[0, new Uint8Array(32)]]), 2)],
  TPM_QUALIFYING_DATA_MISMATCH: [recorded('gcp-tdx-vtpm-of-another-quote.bin')],
  TPM_PCR14_MISMATCH: [recorded('gcp-tdx-pcr14-mismatch.bin')],
};

function refusedList(): () => Promise<unknown> {
  const root = certify('vTPM root', { ca: true });
  const leaf = certify('vTPM key', { key: ecc.key, issuer: root, extensions: [crlDistributionPoint('http://elsewhere/list')] });
  const certificates: CertificateFetcher = { allows: () => false, fetch: () => Promise.reject(new Error('not asked')) };
  return () => verify({ ...tpmQuote({ ak: ecc }), akCert: leaf.der }, { root: root.der }, certificates);
}

describe('every code of a vTPM has evidence that leads to it', () => {
  const ways = Object.entries(WAYS).flatMap(([code, attempts]) => attempts.map((attempt, i) => ({ code, way: i + 1, attempt })));

  it.each(ways)('$code ($way)', async ({ code, attempt }) => {
    await expect((async () => attempt())()).rejects.toEqual(expect.objectContaining({ name: 'VerificationError', code }));
  });
});

describe('quotes that are genuine', () => {
  it.each([['ECDSA on P-256', ecc], ['RSASSA', rsa]])('%s, the bytes of an authorisation area after the signature or not', async (_, signer) => {
    const quote = tpmQuote({ ak: signer, extraData: new Uint8Array(32).fill(7) });
    for (const signature of [quote.signature, Buffer.concat([quote.signature, Uint8Array.of(0, 0, 1, 0, 0)])]) {
      const verified = await verify({ ...quote, signature }, signer);
      expect(hex(verified.extraData)).toBe('07'.repeat(32));
      expect([...verified.pcrs.keys()]).toEqual([0, 2, 14]);
      expect(verified.validUntil).toBeGreaterThan(NOW);
    }
  });

  it('a firmware log is held against the PCRs it mentions', async () => {
    const digest = new Uint8Array(32).fill(5);
    const value = createHash('sha256').update(new Uint8Array(32)).update(digest).digest();
    const pcrs = [{ index: 0, algorithm: 'sha256', value }, ...PCRS.slice(1)];
    await expect(verify(tpmQuote({ ak: ecc, pcrs, eventLog: [{ pcrIndex: 0, digest }, { pcrIndex: 9, digest }] }))).resolves.toBeDefined();
    await expect(verify(tpmQuote({ ak: ecc, pcrs, eventLog: [{ pcrIndex: 0, digest: digest.subarray(1) }] }))).rejects.toMatchObject({ code: 'EVENT_LOG_MALFORMED' });
  });

  it('any PCRs of the SHA-256 bank, in any number of selections', async () => {
    const pcrs = [pcr(3, 3), pcr(23, 4)];
    const selections = [[0x000b, Uint8Array.of(0x08)], [0x000b, Uint8Array.of(0, 0, 0x80, 0)]] as const;
    const verified = await verify(tpmQuote({ ak: ecc, pcrs, selections, pcrDigest: digestOf(pcrs) }));
    expect([...verified.pcrs.keys()]).toEqual([3, 23]);
  });
});

describe('the certificate of an attestation key', () => {
  const seed = new Uint8Array(32).fill(1);
  const pki = createDevelopmentTpmPki(seed);
  const at = Date.UTC(2026, 10, 28) / 1000;
  const published = (of = pki): CertificateFetcher => ({ allows: () => true, fetch: async (url) => of.published.get(url) ?? new Uint8Array() });
  const quote = (): TpmQuote => {
    const made = tpmQuote({ ak: ecc });
    return { ...made, akCert: pki.akCert, signature: tpmSignature(pki.akKey.privateKey, made.message) };
  };

  it('leads to the root over what its URLs have', async () => {
    await expect(verifyTpmQuote(quote(), { now: at, root: pki.root, certificates: published() })).resolves.toBeDefined();
  });

  it.each(['ak', 'intermediate'] as const)('is refused when the %s is revoked', async (revoked) => {
    const of = createDevelopmentTpmPki(seed, { revoked });
    await expect(verifyTpmQuote(quote(), { now: at, root: pki.root, certificates: published(of) })).rejects.toMatchObject({ name: 'VerificationError', code: 'CERTIFICATE_REVOKED' });
  });

  it('is no verdict when they have nothing', async () => {
    await expect(verifyTpmQuote(quote(), { now: at, root: pki.root, certificates: NO_CERTIFICATES })).rejects.toMatchObject({ name: 'CollateralError', code: 'COLLATERAL_UNAVAILABLE' });
  });

  it('is refused under another root', async () => {
    await expect(verifyTpmQuote(quote(), { now: at, root: createDevelopmentTpmPki(new Uint8Array(32)).root, certificates: published() })).rejects.toMatchObject({ name: 'VerificationError' });
  });
});

describe('TPMS_ATTEST', () => {
  it('of a real TPM', () => {
    const { extraData, selections, pcrDigest } = parseTpmAttest(vector('tpm/tpms-attest.bin'));
    expect(hex(extraData)).toBe('12345678');
    expect(hex(pcrDigest)).toBe('d8de2be2e8a319cddf3d1ce1a310f45e30fd335255278e4fcbd59a5f58887648');
    expect(selections.every(({ algorithm }) => algorithm === 0x000b)).toBe(true);
  });

  it('every truncation is refused, what follows is ignored', () => {
    const message = vector('tpm/tpms-attest.bin');
    for (let end = 0; end < message.length; end++) expect(() => parseTpmAttest(message.subarray(0, end))).toThrow(expect.objectContaining({ name: 'VerificationError' }));
    expect(parseTpmAttest(Buffer.concat([message, new Uint8Array(9)]))).toEqual(parseTpmAttest(message));
  });
});

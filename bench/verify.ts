// `npm run bench -- --verify`: verification of recorded evidence beside @phala/dcap-qvl and beside the signatures alone, in one run.
import { createPublicKey, KeyObject, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import dcapQvl from '@phala/dcap-qvl';
import { CertificateMemory } from '../src/attestation/certificate-memory.js';
import type { CheckedCollateral } from '../src/attestation/dcap/checked-collateral.js';
import { parseCollateralJson } from '../src/attestation/dcap/collateral-format.js';
import { checkEndorsement } from '../src/attestation/dcap/endorsement.js';
import { collateralRequestOf } from '../src/attestation/dcap/pck-chain.js';
import { verifyQuoteWith } from '../src/attestation/dcap/verify-quote.js';
import { VerifierCache } from '../src/attestation/evidence/verifier-cache.js';
import { sigStructure, splitCoseSign1 } from '../src/attestation/nitro/cose-sign1.js';
import { parseNsmDocument } from '../src/attestation/nitro/document.js';
import { verifyNsmDocument } from '../src/attestation/nitro/verify.js';
import { vendorRoots } from '../src/attestation/roots/vendor-roots.js';
import { parseQuote } from '../src/attestation/tdx/quote.js';
import { decodeAttestation } from '../src/attestation/wire/decode.js';
import { useNativeP256 } from '../src/app/native-p256.js';
import { BoundedMap } from '../src/cache/bounded-map.js';
import { p256Jwk, P256PublicKey } from '../src/crypto/p256-public-key.js';
import { publicKeyOf } from '../src/x509/path.js';
import { medians } from './median.js';

const file = (path: string): Uint8Array => Uint8Array.from(readFileSync(new URL(`../../test/vectors/${path}`, import.meta.url)));
const roots = vendorRoots();

function tdx(native: boolean): string[] {
  const bytes = file('tdx/v4-uptodate.quote');
  const json = Buffer.from(file('tdx/v4-uptodate.collateral.json')).toString('utf8');
  const now = 1_752_919_000;
  const collateral = parseCollateralJson(json);
  const whole = (cache: VerifierCache): unknown => {
    const quote = parseQuote(bytes);
    return verifyQuoteWith(cache.checked(collateralRequestOf(quote, (der) => cache.certificates.parse(der)), collateral, { root: roots.tdx, now }), quote, now);
  };
  const known = new VerifierCache();
  whole(known);
  const checked = known.checked(collateralRequestOf(parseQuote(bytes)), collateral, { root: roots.tdx, now });
  const fresh = <T extends object>(): BoundedMap<T> => new BoundedMap({ capacity: 4, maxKeyLength: 16_384 });
  // The same collateral with parts of its memory gone.
  const newKey = () => ({ ...checked, memory: { ...checked.memory, endorsements: fresh() } }) as typeof checked;
  const newPlatform = () => ({ ...checked, anchor: { ...checked.anchor, memory: new CertificateMemory() }, memory: { pckChains: fresh(), endorsements: fresh() } }) as typeof checked;
  const quote = parseQuote(bytes);
  const theirs = dcapQvl.QuoteVerifier.newProd();
  const theirCollateral: unknown = JSON.parse(json);

  const { pck } = checkEndorsement(checked, quote.auth, now);
  if (!(pck.key instanceof P256PublicKey)) throw new Error('not on P-256');
  const jwk = p256Jwk(pck.key.coordinates);
  const imported = (): KeyObject => createPublicKey({ key: jwk, format: 'jwk' });
  const key = imported();
  const signature = (by: KeyObject): boolean => verify('sha256', quote.auth.qeReport.raw, { key: by, dsaEncoding: 'ieee-p1363' }, quote.auth.qeReportSignature);
  const nothing = (): null => null;

  const { ms, ratio } = medians({
    raw: { prepare: nothing, work: () => signature(key) },
    floor: { prepare: nothing, work: () => Array.from({ length: 9 }, (_, i) => signature(i < 4 ? imported() : key)) },
    warm: { prepare: () => known, work: whole },
    newKey: { prepare: newKey, work: (given: CheckedCollateral) => verifyQuoteWith(given, bytes, now) },
    newPlatform: { prepare: newPlatform, work: (given: CheckedCollateral) => verifyQuoteWith(given, bytes, now) },
    cold: { prepare: () => new VerifierCache(), work: whole },
    qvl: { prepare: nothing, work: () => theirs.verify(bytes, theirCollateral as never, now), inARow: 3 },
  });
  const row = (name: string, value: number, note = ''): string => `  ${name.padEnd(54)} ${value.toFixed(3)}${note === '' ? '' : `   (${note})`}`;
  return [
    `TDX quote, version 4, recorded from a machine; median milliseconds of CPU; P-256 ${native ? 'by the addon' : 'by node:crypto'}`,
    row('one P-256 signature', ms.raw),
    row('warm: another quote of a known platform', ms.warm, 'bound 0.5 where dcap-qvl takes 13.5'),
    row('warm, with another attestation key', ms.newKey, '2 signatures, 1 key'),
    row('warm collateral, a platform not seen before', ms.newPlatform, '4 signatures, 3 keys'),
    row('cold: nothing known but the root', ms.cold, 'bound 1.5 where dcap-qvl takes 13.5: 9 times faster'),
    row('its 9 signatures and 4 keys alone, by node:crypto', ms.floor),
    row('@phala/dcap-qvl', ms.qvl),
    `  times faster: warm ${ratio('qvl', 'warm').toFixed(0)} (bound 25), new key ${ratio('qvl', 'newKey').toFixed(0)}, new platform ${ratio('qvl', 'newPlatform').toFixed(0)}, cold ${ratio('qvl', 'cold').toFixed(1)} (bound 9)`,
    `  cold is ${ratio('cold', 'floor').toFixed(2)} times its signatures and keys`,
  ];
}

function nsm(): string[] {
  const { platform } = decodeAttestation(file('nitro/versioned-v0-app.bin'));
  if (platform.kind !== 'nitro-enclave') throw new Error('not an enclave');
  const bytes = platform.nsmQuote;
  const options = { nowMs: 1_766_678_659_346, root: roots.nitroEnclave };
  const document = parseNsmDocument(bytes);
  const parsed = new CertificateMemory();
  verifyNsmDocument(bytes, { ...options, memory: parsed });
  const [leaf, ...above] = [document.certificate, ...document.cabundle.slice(1).toReversed()].map((der) => parsed.parse(der));
  const issuer = above[0];
  if (leaf === undefined || issuer === undefined) throw new Error('no chain');
  const anchor = parsed.anchor(roots.nitroEnclave);
  /** Knows the chain above the leaf, as after a document of another enclave on the same machine. */
  const prefix = (): CertificateMemory => {
    const memory = new CertificateMemory();
    publicKeyOf(memory.anchor(roots.nitroEnclave));
    for (const [i, certificate] of above.entries()) memory.remember(certificate, publicKeyOf(above[i + 1] ?? anchor));
    return memory;
  };
  const sign1 = splitCoseSign1(bytes);
  const [leafKey, issuerKey] = [publicKeyOf(leaf), publicKeyOf(issuer)];
  if (!(leafKey instanceof KeyObject) || !(issuerKey instanceof KeyObject)) throw new Error('not on P-384');
  const covered = sigStructure(sign1);
  const ofDocument = (): unknown => verify('sha384', covered, { key: leafKey, dsaEncoding: 'ieee-p1363' }, sign1.signature);
  const ofLeaf = (): unknown => verify('sha384', leaf.tbs, issuerKey, leaf.signature);

  const nothing = (): null => null;
  const check = (memory: CertificateMemory): unknown => verifyNsmDocument(bytes, { ...options, memory });
  const { ms, ratio } = medians({
    one: { prepare: nothing, work: ofDocument },
    two: { prepare: nothing, work: () => [ofLeaf(), ofDocument()] },
    warm: { prepare: () => parsed, work: check },
    newLeaf: { prepare: prefix, work: check },
    cold: { prepare: () => new CertificateMemory(), work: check },
  });
  return [
    'NSM document, recorded from an enclave; median milliseconds of CPU',
    `  signature of the document                              ${ms.one.toFixed(3)}`,
    `  signatures of leaf and document                        ${ms.two.toFixed(3)}`,
    `  another document of a known enclave                    ${ms.warm.toFixed(3)}   ${ratio('warm', 'one').toFixed(2)} times its 1 signature (bound 1.5)`,
    `  first document of an enclave, chain above it known     ${ms.newLeaf.toFixed(3)}   ${ratio('newLeaf', 'two').toFixed(2)} times its 2 signatures (bound 1.5)`,
    `  nothing known                                          ${ms.cold.toFixed(3)}`,
  ];
}

/** Prints the figures; absolute ones are this machine's. */
export function benchVerification(): void {
  process.stdout.write(`${[...tdx(useNativeP256()), '', ...nsm()].join('\n')}\n`);
}

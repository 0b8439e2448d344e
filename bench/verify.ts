// `npm run bench -- --verify`: verification of recorded evidence beside @phala/dcap-qvl and beside the signatures alone, in one run.
import { verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import dcapQvl from '@phala/dcap-qvl';
import { CertificateMemory } from '../src/attestation/certificate-memory.js';
import { parseCollateralJson } from '../src/attestation/dcap/collateral-format.js';
import { collateralRequestOf } from '../src/attestation/dcap/pck-chain.js';
import { importRawP256 } from '../src/attestation/dcap/raw-p256.js';
import { verifyQuoteWith } from '../src/attestation/dcap/verify-quote.js';
import { VerifierCache } from '../src/attestation/evidence/verifier-cache.js';
import { sigStructure, splitCoseSign1 } from '../src/attestation/nitro/cose-sign1.js';
import { parseNsmDocument } from '../src/attestation/nitro/document.js';
import { verifyNsmDocument } from '../src/attestation/nitro/verify.js';
import { vendorRoots } from '../src/attestation/roots/vendor-roots.js';
import { parseQuote } from '../src/attestation/tdx/quote.js';
import { decodeAttestation } from '../src/attestation/wire/decode.js';
import { BoundedMap } from '../src/cache/bounded-map.js';
import { publicKeyOf } from '../src/x509/path.js';
import { medianMs } from './median.js';

const RUNS = 300;
const file = (path: string): Uint8Array => Uint8Array.from(readFileSync(new URL(`../../test/vectors/${path}`, import.meta.url)));
const roots = vendorRoots();

function tdx(): string[] {
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
  const key = importRawP256(quote.auth.attestationKey);
  if (key === null) throw new Error('not a key');
  const theirs = dcapQvl.QuoteVerifier.newProd();
  const theirCollateral: unknown = JSON.parse(json);

  whole(new VerifierCache());
  const warm = medianMs(RUNS, () => known, whole);
  const afterKey = medianMs(RUNS, newKey, (given) => verifyQuoteWith(given, bytes, now));
  const afterPlatform = medianMs(RUNS, newPlatform, (given) => verifyQuoteWith(given, bytes, now));
  const cold = medianMs(RUNS, () => new VerifierCache(), whole);
  const raw = medianMs(RUNS, () => null, () => verify('sha256', quote.signedRegion, { key, dsaEncoding: 'ieee-p1363' }, quote.auth.signature));
  const qvl = medianMs(30, () => null, () => theirs.verify(bytes, theirCollateral as never, now));
  return [
    'TDX quote, version 4, recorded from a machine; median milliseconds of CPU',
    `  one P-256 signature                                    ${raw.toFixed(3)}`,
    `  warm: another quote of a known platform                ${warm.toFixed(3)}   (bound 0.5)`,
    `  warm, with another attestation key                     ${afterKey.toFixed(3)}   (2 signatures, 1 key)`,
    `  warm collateral, a platform not seen before            ${afterPlatform.toFixed(3)}   (4 signatures, 4 keys)`,
    `  cold: nothing known                                    ${cold.toFixed(3)}   (bound 3 × 0.5; 9 signatures, 5 keys)`,
    `  cold / 0.5                                             ${(cold / 0.5).toFixed(2)}`,
    `  @phala/dcap-qvl                                        ${qvl.toFixed(3)}`,
    `  times faster: warm ${(qvl / warm).toFixed(0)}, new key ${(qvl / afterKey).toFixed(0)}, cold ${(qvl / cold).toFixed(1)}   (bound 25, warm)`,
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
  const covered = sigStructure(sign1);
  const ofDocument = (): unknown => verify('sha384', covered, { key: leafKey, dsaEncoding: 'ieee-p1363' }, sign1.signature);
  const ofLeaf = (): unknown => verify('sha384', leaf.tbs, issuerKey, leaf.signature);

  const one = medianMs(RUNS, () => null, ofDocument);
  const two = medianMs(RUNS, () => null, () => [ofLeaf(), ofDocument()]);
  const warm = medianMs(RUNS, () => parsed, (memory) => verifyNsmDocument(bytes, { ...options, memory }));
  const newLeaf = medianMs(RUNS, prefix, (memory) => verifyNsmDocument(bytes, { ...options, memory }));
  const cold = medianMs(RUNS, () => new CertificateMemory(), (memory) => verifyNsmDocument(bytes, { ...options, memory }));
  return [
    'NSM document, recorded from an enclave; median milliseconds of CPU',
    `  signature of the document                              ${one.toFixed(3)}`,
    `  signatures of leaf and document                        ${two.toFixed(3)}`,
    `  another document of a known enclave                    ${warm.toFixed(3)}   ${(warm / one).toFixed(2)} times its 1 signature (bound 1.5)`,
    `  first document of an enclave, chain above it known     ${newLeaf.toFixed(3)}   ${(newLeaf / two).toFixed(2)} times its 2 signatures (bound 1.5)`,
    `  nothing known                                          ${cold.toFixed(3)}`,
  ];
}

/** Prints the figures; absolute ones are this machine's. */
export function benchVerification(): void {
  process.stdout.write(`${[...tdx(), '', ...nsm()].join('\n')}\n`);
}

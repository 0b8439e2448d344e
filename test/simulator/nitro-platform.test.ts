import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseNsmDocument } from '../../src/attestation/nitro/document.js';
import { isDebugEnclave, verifyNsmDocument } from '../../src/attestation/nitro/verify.js';
import type { Attestation } from '../../src/attestation/evidence/attestation.js';
import { decodeAttestation, encodeAttestation } from '../../src/attestation/wire/decode.js';
import { EvidenceSourceError } from '../../src/errors/evidence-source-error.js';
import { parsePemChain } from '../../src/x509/pem.js';
import { createDevelopmentNitro, developmentPcrs } from '../../src/simulator/nitro-platform.js';
import type { DevelopmentNitroOptions } from '../../src/simulator/nitro-platform.js';
import { vectorText } from '../attestation/vectors.js';
import { clock, imageHash, NOW, otherSeed, reportData, seed, thrownBy } from './development.js';

const pcrs = developmentPcrs(imageHash);
const options: DevelopmentNitroOptions = { seed, clock, pcrs, appId: new Uint8Array(20).fill(0xa0) };
const enclave = createDevelopmentNitro(options);
const at = { nowMs: NOW * 1000, root: enclave.root };

function documentOf({ platform }: Attestation): Uint8Array {
  if (platform.kind !== 'nitro-enclave') throw new Error(`evidence of ${platform.kind}`);
  return platform.nsmQuote;
}

describe('the development Nitro Enclave', () => {
  it.each([true, false])('is accepted by the production verifier (indefinite maps: %s)', async (indefiniteMaps) => {
    const bytes = documentOf(await createDevelopmentNitro({ ...options, indefiniteMaps }).attest(reportData));
    const { document } = verifyNsmDocument(bytes, at);
    expect(document).toMatchObject({ digest: 'SHA384', timestampMs: NOW * 1000, userData: reportData, nonce: null, publicKey: null });
    expect(document.pcrs.size).toBe(16);
    for (const [index, pcr] of pcrs.entries()) expect(document.pcrs.get(index)).toEqual(pcr);
    expect(document.pcrs.get(15)).toEqual(new Uint8Array(48));
    // The payload's map header after `84 44 a1013822 a0 59 xxxx`, as in recorded documents (trap T14).
    expect(Buffer.from(bytes.subarray(0, 8)).toString('hex')).toBe('8444a1013822a059');
    expect(bytes[10]).toBe(indefiniteMaps ? 0xbf : 0xa9);
  });

  it('has a module id of the shape of AWS', async () => {
    const { moduleId } = parseNsmDocument(documentOf(await enclave.attest(reportData)));
    expect(moduleId).toMatch(/^i-[0-9a-f]{17}-enc[0-9a-f]{16}$/);
  });

  it('is refused under the vendor root and the root of another seed', async () => {
    const bytes = documentOf(await enclave.attest(reportData));
    const [aws] = parsePemChain(vectorText('roots/AWS_NitroEnclaves_Root-G1.pem'), 1);
    if (aws === undefined) throw new Error('no root');
    expect(thrownBy(() => verifyNsmDocument(bytes, { ...at, root: aws }))).toMatchObject({ code: 'ISSUER_UNKNOWN' });
    const other = createDevelopmentNitro({ ...options, seed: otherSeed }).root;
    expect(thrownBy(() => verifyNsmDocument(bytes, { ...at, root: other }))).toMatchObject({ code: 'CERTIFICATE_SIGNATURE_INVALID' });
  });

  it('goes stale like any document', async () => {
    const bytes = documentOf(await enclave.attest(reportData));
    expect(thrownBy(() => verifyNsmDocument(bytes, { ...at, nowMs: at.nowMs + 3_600_001 }))).toMatchObject({ code: 'NSM_DOCUMENT_STALE' });
  });

  it('names the image its PCRs make and the application', async () => {
    const attestation = await enclave.attest(reportData);
    const image = createHash('sha256').update(Buffer.concat(pcrs)).digest('hex');
    expect(attestation.stack).toMatchObject({ config: `{"os_image_hash":"${image}"}`, reportData });
    expect(attestation.stack.runtimeEvents).toEqual([{ event: 'app-id', payload: options.appId, version: 1 }]);
    expect((await createDevelopmentNitro({ ...options, appId: null }).attest(reportData)).stack.runtimeEvents).toEqual([]);
  });

  it('is a debug enclave with zero PCRs, its image hash zeros', async () => {
    const attestation = await createDevelopmentNitro({ ...options, pcrs: [] }).attest(reportData);
    expect(isDebugEnclave(verifyNsmDocument(documentOf(attestation), at).document)).toBe(true);
    expect(attestation.stack.config).toBe(`{"os_image_hash":"${'00'.repeat(32)}"}`);
  });

  it('travels as V0', async () => {
    const attestation = await enclave.attest(reportData);
    expect(attestation.wire).toBe('v0');
    expect(decodeAttestation(encodeAttestation(attestation))).toEqual(attestation);
  });

  it('measures no run-time events', () => {
    expect(enclave).toMatchObject({ emitEvent: null, development: true, variant: 'dstack-nitro-enclave' });
  });
});

describe('bare documents', () => {
  const request = { userData: Uint8Array.of(1), nonce: Uint8Array.of(2, 2), publicKey: Uint8Array.of(3, 3, 3) };

  it('carry all three arguments', async () => {
    expect(verifyNsmDocument(await enclave.nsmDocument(request), at).document).toMatchObject(request);
  });

  it('take arguments of the largest length', async () => {
    const largest = { userData: new Uint8Array(512), nonce: new Uint8Array(512), publicKey: new Uint8Array(1024) };
    expect(verifyNsmDocument(await enclave.nsmDocument(largest), at).document).toMatchObject(largest);
  });

  it.each([
    ['userData', 513],
    ['nonce', 513],
    ['publicKey', 1025],
  ] as const)('refuse %s of %i bytes, as the device does', async (field, length) => {
    const refused = enclave.nsmDocument({ ...request, [field]: new Uint8Array(length) });
    await expect(refused).rejects.toBeInstanceOf(EvidenceSourceError);
    await expect(refused).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });

  it('can be abandoned', async () => {
    await expect(enclave.nsmDocument(request, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('arguments of the wrong length', () => {
  it('are TypeErrors', async () => {
    expect(() => createDevelopmentNitro({ ...options, seed: new Uint8Array(31) })).toThrow(TypeError);
    expect(() => createDevelopmentNitro({ ...options, appId: new Uint8Array(32) })).toThrow(TypeError);
    expect(() => createDevelopmentNitro({ ...options, pcrs: [new Uint8Array(32)] })).toThrow(TypeError);
    expect(() => createDevelopmentNitro({ ...options, pcrs: Array.from({ length: 17 }, () => new Uint8Array(48)) })).toThrow(TypeError);
    await expect(enclave.attest(new Uint8Array(63))).rejects.toBeInstanceOf(TypeError);
  });
});

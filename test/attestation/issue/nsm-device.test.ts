import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { NSM_DEFAULTS, createNsmEvidenceSource } from '../../../src/attestation/issue/nsm-device.js';
import { decodeAttestation, encodeAttestation } from '../../../src/attestation/wire/decode.js';
import { decodeCbor } from '../../../src/attestation/nitro/cbor.js';
import { isMap } from '../../../src/attestation/nitro/cose-sign1.js';
import type { NsmDeviceRequest } from '../../../src/native/binding.js';
import { createDevelopmentNitro, developmentPcrs } from '../../../src/simulator/nitro-platform.js';
import { cborBytes, cborMap, cborText } from '../../../src/attestation/nitro/cbor-write.js';
import { loadNative } from '../../../src/native/loader.js';

const reportData = Uint8Array.from({ length: 64 }, (_, i) => i);
const appId = new Uint8Array(20).fill(0xab);
const pcrs = developmentPcrs(new Uint8Array(32).fill(3));

function answer(document: Uint8Array): Uint8Array {
  return cborMap([[cborText('Attestation'), cborMap([[cborText('document'), cborBytes(document)]])]]);
}

/** A device whose documents the development PKI signs; `bend` changes what is signed over. */
function device(bend: (userData: Uint8Array) => Uint8Array = (same) => same, measured: readonly Uint8Array[] = pcrs) {
  const nitro = createDevelopmentNitro({ seed: new Uint8Array(32), clock: () => 1_700_000_000_000, pcrs: measured, appId: null });
  const requests: NsmDeviceRequest[] = [];
  const nsmRequest = async (request: NsmDeviceRequest): Promise<Uint8Array> => {
    requests.push(request);
    const asked = decodeCbor(request.request);
    const fields = isMap(asked) ? asked.entries.get('Attestation') : undefined;
    const bytes = (name: string): Uint8Array | null => {
      const value = isMap(fields) ? fields.entries.get(name) : null;
      return value instanceof Uint8Array ? value : null;
    };
    const userData = bytes('user_data');
    return answer(await nitro.nsmDocument({ userData: userData === null ? null : bend(userData), nonce: bytes('nonce'), publicKey: bytes('public_key') }));
  };
  return { requests, native: { nsmRequest } };
}

describe('the NSM evidence source', () => {
  test('asks for the report data as user data and nothing else', async () => {
    const { native, requests } = device();
    await createNsmEvidenceSource({ ...NSM_DEFAULTS, native, appId }).attest(reportData);
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ devicePath: '/dev/nsm', deadlineMs: 10_000 });
    const hex = Buffer.from(requests[0]?.request ?? []).toString('hex');
    expect(hex).toBe(`a16b4174746573746174696f6ea369757365725f646174615840${Buffer.from(reportData).toString('hex')}656e6f6e6365f66a7075626c69635f6b6579f6`);
  });

  test('makes a V0 attestation with the image hash of PCR0 to PCR2 and the application id', async () => {
    const source = createNsmEvidenceSource({ ...NSM_DEFAULTS, native: device().native, appId });
    const attestation = await source.attest(reportData);
    const imageHash = createHash('sha256').update(Buffer.concat(pcrs)).digest('hex');
    expect(attestation.wire).toBe('v0');
    expect(attestation.stack).toMatchObject({ config: `{"os_image_hash":"${imageHash}"}`, runtimeEvents: [{ event: 'app-id', payload: appId, version: 1 }] });
    expect(Buffer.from(attestation.stack.reportData)).toEqual(Buffer.from(reportData));
    const again = decodeAttestation(encodeAttestation(attestation));
    expect(encodeAttestation(again)).toEqual(encodeAttestation(attestation));
    expect(source).toMatchObject({ variant: 'dstack-nitro-enclave', development: false, emitEvent: null });
  });

  test('computes the image hash a real enclave was recorded with', async () => {
    const recorded = decodeAttestation(await readFile(new URL('../../vectors/nitro/versioned-v0-2.bin', import.meta.url)));
    if (recorded.platform.kind !== 'nitro-enclave') throw new Error('not a Nitro vector');
    const document = recorded.platform.nsmQuote;
    const source = createNsmEvidenceSource({ ...NSM_DEFAULTS, native: { nsmRequest: async () => answer(document) }, appId: null });
    const attestation = await source.attest(recorded.stack.reportData);
    expect(attestation.stack.config).toBe('{"os_image_hash":"e0e742bd62280472ea840647754203d599cb39a7966cfed11237c1e86de9c857"}');
    expect(attestation.stack.runtimeEvents).toEqual([]);
  });

  test('a debug enclave has the hash zero', async () => {
    const source = createNsmEvidenceSource({ ...NSM_DEFAULTS, native: device(undefined, []).native, appId: null });
    expect((await source.attest(reportData)).stack.config).toBe(`{"os_image_hash":"${'00'.repeat(32)}"}`);
  });

  test('refuses a document about something else', async () => {
    const native = device((userData) => userData.map((byte) => byte ^ 1)).native;
    await expect(createNsmEvidenceSource({ ...NSM_DEFAULTS, native, appId: null }).attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });

  test('refuses an answer whose document is none', async () => {
    const native = { nsmRequest: async () => answer(Uint8Array.of(1, 2, 3)) };
    await expect(createNsmEvidenceSource({ ...NSM_DEFAULTS, native, appId: null }).attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });

  test('hands out bare documents over all three arguments, within the limits of the device', async () => {
    const source = createNsmEvidenceSource({ ...NSM_DEFAULTS, native: device().native, appId: null });
    const full = { userData: new Uint8Array(512), nonce: new Uint8Array(512), publicKey: new Uint8Array(1024) };
    expect((await source.nsmDocument?.(full))?.[0]).toBe(0x84);
    for (const over of [{ userData: new Uint8Array(513) }, { nonce: new Uint8Array(513) }, { publicKey: new Uint8Array(1025) }]) {
      await expect(source.nsmDocument?.({ ...full, ...over })).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    }
  });

  test('other lengths of report data and application id are mistakes of the caller', async () => {
    const { native } = device();
    await expect(createNsmEvidenceSource({ ...NSM_DEFAULTS, native, appId: null }).attest(new Uint8Array(63))).rejects.toBeInstanceOf(TypeError);
    expect(() => createNsmEvidenceSource({ ...NSM_DEFAULTS, native, appId: new Uint8Array(19) })).toThrow(TypeError);
  });

  test('serves one request at a time', async () => {
    let active = 0;
    let most = 0;
    const { native } = device();
    const nsmRequest = async (request: NsmDeviceRequest): Promise<Uint8Array> => {
      most = Math.max(most, ++active);
      await new Promise((resolve) => setTimeout(resolve, 2));
      active--;
      return native.nsmRequest(request);
    };
    const source = createNsmEvidenceSource({ ...NSM_DEFAULTS, native: { nsmRequest }, appId: null });
    await Promise.all(Array.from({ length: 10 }, () => source.attest(reportData)));
    expect(most).toBe(1);
  });

  test('on a machine without the device there is none', async () => {
    const source = createNsmEvidenceSource({ ...NSM_DEFAULTS, native: loadNative(), devicePath: '/nowhere/nsm', appId: null });
    await expect(source.attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_ABSENT' });
  });
});

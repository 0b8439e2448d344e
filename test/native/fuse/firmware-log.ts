import { createHash } from 'node:crypto';

/** One event a firmware measured. */
export interface FirmwareEvent {
  readonly pcr: number;
  readonly type: number;
  readonly data: Uint8Array;
}

const EV_NO_ACTION = 3;
const SHA1 = 0x0004;
const SHA256 = 0x000b;

const le = (value: number, bytes: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
};

/** SHA-256 of an event's data: what its PCR is extended by. */
export function measured({ data }: FirmwareEvent): Buffer {
  return createHash('sha256').update(data).digest();
}

/** `binary_bios_measurements` of a machine with SHA-1 and SHA-256 banks (TCG PC Client Platform Firmware Profile, section 10.2; spec/attestation.md section 2.5). */
export function firmwareLog(events: readonly FirmwareEvent[]): Buffer {
  const algorithms = Buffer.concat([le(2, 4), le(SHA1, 2), le(20, 2), le(SHA256, 2), le(32, 2)]);
  const specId = Buffer.concat([Buffer.from('Spec ID Event03\0', 'latin1'), le(0, 4), Buffer.of(0, 2, 0, 2), algorithms, Buffer.of(0)]);
  const header = Buffer.concat([le(0, 4), le(EV_NO_ACTION, 4), Buffer.alloc(20), le(specId.length, 4), specId]);
  return Buffer.concat([header, ...events.map(record)]);
}

function record(event: FirmwareEvent): Buffer {
  const sha1 = createHash('sha1').update(event.data).digest();
  const digests = [le(2, 4), le(SHA1, 2), sha1, le(SHA256, 2), measured(event)];
  return Buffer.concat([le(event.pcr, 4), le(event.type, 4), ...digests, le(event.data.length, 4), event.data]);
}

/** The events of a boot of a unified kernel image on Google's firmware, as far as they reach PCR 0 and 2. */
export const GCP_BOOT: readonly FirmwareEvent[] = [
  { pcr: 0, type: 0x08, data: Buffer.from('GCE Virtual Firmware v2', 'utf16le') },
  { pcr: 0, type: 0x80000008, data: Buffer.from('firmware volume') },
  { pcr: 7, type: 0x80000001, data: Buffer.from('SecureBoot') },
  ...[0, 2].map((pcr) => ({ pcr, type: 0x04, data: Buffer.alloc(4) })),
  { pcr: 2, type: 0x80000006, data: Buffer.from('partition table') },
  { pcr: 2, type: 0x80000003, data: Buffer.from('unified kernel image') },
  { pcr: 2, type: 0x80000003, data: Buffer.from('kernel') },
];

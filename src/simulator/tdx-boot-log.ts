import { createHash } from 'node:crypto';
import { replayRtmr } from '../attestation/event-log/replay.js';
import type { TdxEvent } from '../attestation/evidence/attestation.js';

const sha384 = (bytes: Uint8Array | string): Uint8Array => new Uint8Array(createHash('sha384').update(bytes).digest());

/** What a boot of one image leaves behind, before any run-time event. */
export interface DevelopmentBoot {
  /** 48 bytes. */
  readonly mrTd: Uint8Array;
  /** RTMR0 to RTMR2, 48 bytes each: the replay of `events`. */
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array];
  readonly events: readonly TdxEvent[];
}

// TCG PC Client Platform Firmware Profile 1.06, section 10.4.1.
const EV = {
  separator: 0x04,
  eventTag: 0x06,
  platformConfig: 0x0a,
  variableDriverConfig: 0x80000001,
  variableBoot: 0x80000002,
  bootServicesApplication: 0x80000003,
  efiAction: 0x80000007,
  firmwareBlob2: 0x8000000a,
  handoffTables2: 0x8000000b,
} as const;

/** RTMR, event type, what was measured; in the order OVMF and the kernel stub measure it. */
const MEASURED: readonly (readonly [number, number, string])[] = [
  [0, EV.handoffTables2, 'image:td-hob'],
  [0, EV.firmwareBlob2, 'configuration firmware volume'],
  ...['SecureBoot', 'PK', 'KEK', 'db', 'dbx'].map((name) => [0, EV.variableDriverConfig, name] as const),
  [0, EV.separator, ''],
  [0, EV.platformConfig, 'acpi-loader'],
  [0, EV.platformConfig, 'acpi-rsdp'],
  [0, EV.platformConfig, 'acpi-tables'],
  [1, EV.bootServicesApplication, 'image:kernel'],
  [0, EV.variableBoot, 'BootOrder'],
  [0, EV.variableBoot, 'Boot0000'],
  [1, EV.efiAction, 'Calling EFI Application from Boot Option'],
  [1, EV.separator, ''],
  [2, EV.eventTag, 'image:kernel command line'],
  [2, EV.eventTag, 'image:initrd'],
  [1, EV.efiAction, 'Exit Boot Services Invocation'],
  [1, EV.efiAction, 'Exit Boot Services Returned with Success'],
];

/**
 * The firmware's part of the event log and the registers it replays to. MRTD, RTMR1 and RTMR2 differ
 * from image to image, so that policies on measurements can be tried out.
 * @param imageHash OS image hash, 32 bytes
 */
export function developmentBoot(imageHash: Uint8Array): DevelopmentBoot {
  const image = Buffer.from(imageHash).toString('hex');
  const events = MEASURED.map(([imr, eventType, what]) => bootEvent(imr, eventType, what, image));
  return { mrTd: sha384(`dstack-node development firmware ${image}`), rtmrs: [replayRtmr(events, 0), replayRtmr(events, 1), replayRtmr(events, 2)], events };
}

function bootEvent(imr: number, eventType: number, what: string, image: string): TdxEvent {
  const common = { imr, eventType, version: 1, preimage: null } as const;
  if (eventType === EV.platformConfig) {
    // The log carries a fixed text instead of the tables that were hashed (spec/attestation.md section 2.1).
    return { ...common, digest: sha384(`dstack-node development ${what}`), event: what, eventPayload: Buffer.from('ACPI DATA', 'latin1') };
  }
  const payload = eventType === EV.separator ? new Uint8Array(4) : new Uint8Array(Buffer.from(measuredText(eventType, what, image), 'utf8'));
  return { ...common, digest: sha384(payload), event: '', eventPayload: payload };
}

function measuredText(eventType: number, what: string, image: string): string {
  if (eventType === EV.efiAction) return what; // the firmware hashes this very text
  return what.startsWith('image:') ? `dstack-node development ${what.slice(6)} of image ${image}` : `dstack-node development ${what}`;
}

import type { RuntimeEvent } from '../evidence/attestation.js';

/** Last event of the boot-time measurement (spec/attestation.md section 2.4). */
export const BOOT_MR_DONE = 'boot-mr-done';

/** From here on applications emit events, so nothing after it is a claim of the platform. */
export const SYSTEM_READY = 'system-ready';

const EMPTY = new Uint8Array();

/**
 * Payload of the first event called `name` before the first `system-ready`; empty when there is none.
 * An application must not be able to claim another identity by emitting an event of that name.
 */
export function claim(events: readonly RuntimeEvent[], name: string): Uint8Array {
  return claims(events, name)[0] ?? EMPTY;
}

/** Payloads of all events called `name` before the first `system-ready`, in order. */
export function claims(events: readonly RuntimeEvent[], name: string): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const event of events) {
    const measured = withoutColon(event);
    if (measured.event === SYSTEM_READY) break;
    if (measured.event === name) found.push(measured.payload);
  }
  return found;
}

/**
 * The event with the shortest name its digest allows. A V1 digest covers `name:payload` without escaping, so whoever
 * hands over the log can move the colon and hide a claim under a longer name. Platform events have no colon in theirs.
 */
function withoutColon(event: RuntimeEvent): Pick<RuntimeEvent, 'event' | 'payload'> {
  const at = event.version === 1 ? event.event.indexOf(':') : -1;
  if (at < 0) return event;
  return { event: event.event.slice(0, at), payload: Buffer.concat([Buffer.from(`${event.event.slice(at + 1)}:`, 'utf8'), event.payload]) };
}

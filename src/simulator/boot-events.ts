import type { RuntimeEvent } from '../attestation/evidence/attestation.js';

/** What boot provisioning measures about the application it starts. */
export interface DevelopmentApp {
  /** 20 bytes. */
  readonly appId: Uint8Array;
  /** SHA-256 of app-compose.json, 32 bytes. */
  readonly composeHash: Uint8Array;
  /** 20 bytes, or empty for an application without instance ids. */
  readonly instanceId: Uint8Array;
  /** Where the keys come from; null while provisioning has not got that far, so that the later events are emitted as it proceeds. */
  readonly keyProvider: { readonly name: 'none' | 'local-sgx' | 'tpm' | 'kms'; readonly id: string } | null;
  /** e.g. `zfs`; read only when there is a key provider. */
  readonly storageFs: string;
}

/**
 * The boot-time run-time events in their order: up to `boot-mr-done` without a key provider, through
 * `system-ready` with one (spec/attestation.md section 2.4).
 * @throws TypeError for an identity of the wrong length
 */
export function bootEvents(app: DevelopmentApp, version: 1 | 2): RuntimeEvent[] {
  if (app.appId.length !== 20) throw new TypeError('appId must be 20 bytes');
  if (app.composeHash.length !== 32) throw new TypeError('composeHash must be 32 bytes');
  if (app.instanceId.length !== 20 && app.instanceId.length !== 0) throw new TypeError('instanceId must be 20 bytes or empty');
  const list: (readonly [string, Uint8Array | string])[] = [
    ['system-preparing', ''],
    ['app-id', app.appId],
    ['compose-hash', app.composeHash],
    ['instance-id', app.instanceId],
    ['boot-mr-done', ''],
  ];
  if (app.keyProvider !== null) {
    const { name, id } = app.keyProvider;
    list.push(['key-provider', JSON.stringify({ name, id })], ['storage-fs', app.storageFs], ['system-ready', '']);
  }
  return list.map(([event, payload]) => ({ event, payload: typeof payload === 'string' ? new Uint8Array(Buffer.from(payload, 'utf8')) : payload, version }));
}

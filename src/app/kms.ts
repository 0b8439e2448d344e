import type { KmsConfig } from '../config/kms-config.js';
import type { ListenAddress, Listener } from '../http/listen/listener.js';
import type { TcpPlace } from '../http/listen/tcp.js';
import type { EvidenceSources } from './evidence-sources.js';
import { createOnboarding, openOnboardLife } from './kms-onboard-life.js';
import { createKmsServices, type KmsOverrides, type KmsServices } from './kms-services.js';
import { prepareServingLife } from './kms-serving-life.js';

export type KmsLife = 'onboarding' | 'serving' | 'stopped';

export interface KmsApp {
  /** Resolves when a port is served: Onboard's if there are no keys yet, else the KMS's. Rejects with nothing left running. */
  start(): Promise<void>;
  /** Takes no new connections and lets calls in flight finish, for `graceMs` milliseconds at most. */
  stop(graceMs: number): Promise<void>;
  /** Resolves after `stop`; rejects when the KMS could not begin its second life, after which nothing is served. */
  readonly ended: Promise<void>;
  readonly life: KmsLife;
  /** Where it listens now, with the port the system chose; null when it does not. */
  readonly address: ListenAddress | null;
}

/** Milliseconds connections of the onboard listener get to finish once the operator has finished. */
const SWITCH_GRACE_MS = 5_000;

/**
 * The KMS process (spec/kms.md section 1): two lives on one port. Onboard over plain HTTP while there are no keys, and after
 * Finish, or at once when there are keys, the KMS over RA-TLS. This file alone decides which.
 */
export function createKmsApp(config: KmsConfig, overrides: KmsOverrides = {}): KmsApp {
  return new KmsProcess(config, overrides);
}

class KmsProcess implements KmsApp {
  readonly ended: Promise<void>;
  life: KmsLife = 'stopped';
  readonly #config: KmsConfig;
  readonly #overrides: KmsOverrides;
  #end: { readonly resolve: () => void; readonly reject: (error: unknown) => void };
  #listener: Listener | null = null;
  #sources: EvidenceSources | null = null;
  #switching: Promise<void> | null = null;
  #stopping = false;

  constructor(config: KmsConfig, overrides: KmsOverrides) {
    this.#config = config;
    this.#overrides = overrides;
    let end = { resolve: (): void => undefined, reject: (_error: unknown): void => undefined };
    this.ended = new Promise((resolve, reject) => {
      end = { resolve, reject };
    });
    // Whoever does not look at it must not be ended by it.
    this.ended.catch(() => undefined);
    this.#end = end;
  }

  get address(): ListenAddress | null {
    return this.#listener?.address ?? null;
  }

  async start(): Promise<void> {
    const services = await createKmsServices(this.#config, this.#overrides);
    this.#sources = services.sources;
    try {
      await services.sources.start();
      await this.#begin(services);
    } catch (error) {
      await services.sources.close();
      throw error;
    }
  }

  async #begin(services: KmsServices): Promise<void> {
    const state = await services.store.state();
    const { enabled, autoBootstrapDomain } = this.#config.onboard;
    if (state === 'complete' || !enabled) await this.#serve(services, this.#config.rpc);
    else if (autoBootstrapDomain === '') await this.#onboard(services);
    else {
      await createOnboarding(services).autoBootstrap(autoBootstrapDomain);
      await this.#serve(services, this.#config.rpc);
    }
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    await this.#listener?.stop(graceMs);
    await this.#switching;
    await this.#listener?.stop(graceMs);
    this.#listener = null;
    await this.#sources?.close();
    this.life = 'stopped';
    this.#end.resolve();
  }

  async #onboard(services: KmsServices): Promise<void> {
    const requestSwitch = (): void => {
      // After the tick in which the answer is written: it belongs to the connections that get to finish.
      setImmediate(() => {
        this.#switching ??= this.#switch(services);
      });
    };
    this.#listener = await openOnboardLife(services, createOnboarding(services), requestSwitch);
    this.life = 'onboarding';
    services.log.info({ address: this.address }, 'serving Onboard over plain HTTP: no keys yet');
  }

  /** Everything that can fail is prepared while Onboard still answers; the port is free for as short as possible. */
  async #switch(services: KmsServices): Promise<void> {
    try {
      const place = this.#placeAfterOnboard();
      const life = await prepareServingLife(services);
      await this.#listener?.stop(SWITCH_GRACE_MS);
      this.#listener = null;
      if (this.#stopping) return;
      this.#listener = await life.open(place);
      this.#serving(services);
    } catch (error) {
      await this.#listener?.stop(0);
      this.#listener = null;
      await services.sources.close();
      this.life = 'stopped';
      this.#end.reject(error);
    }
  }

  /** The very port Onboard had, also when the system chose it, unless the two were configured apart. */
  #placeAfterOnboard(): TcpPlace {
    const { rpc, onboard } = this.#config;
    const bound = this.address;
    return { host: rpc.address, port: rpc.port === onboard.port && bound?.kind === 'tcp' ? bound.port : rpc.port };
  }

  async #serve(services: KmsServices, { address, port }: KmsConfig['rpc']): Promise<void> {
    const life = await prepareServingLife(services);
    this.#listener = await life.open({ host: address, port });
    this.#serving(services);
  }

  #serving({ log }: KmsServices): void {
    this.life = 'serving';
    log.info({ address: this.address }, 'serving the KMS over RA-TLS');
  }
}

import { unattested } from '../../caller/caller.js';
import type { Caller, Peer } from '../../caller/caller.js';
import { ServiceError } from '../../errors/service-error.js';
import type { Connection } from '../connection.js';
import type { Identify, PeerInfo } from './listener.js';

/** Shared by all connections of a listener. */
export interface DrainState {
  draining: boolean;
}

/** A connection whose caller is worked out once and kept: evidence is verified once, not for every call. */
export class SocketConnection implements Connection {
  readonly #info: PeerInfo;
  readonly #identify: Identify;
  readonly #state: DrainState;
  #caller: Caller | Promise<Caller> | null = null;

  constructor(info: PeerInfo, identify: Identify, state: DrainState) {
    this.#info = info;
    this.#identify = identify;
    this.#state = state;
  }

  get peer(): Peer {
    return this.#info.peer;
  }

  get draining(): boolean {
    return this.#state.draining;
  }

  caller(): Caller | Promise<Caller> {
    this.#caller ??= this.#identifyOnce();
    return this.#caller;
  }

  /** A promise is replaced by what it gave, so that later calls on the connection go without one. */
  #identifyOnce(): Caller | Promise<Caller> {
    try {
      const found = this.#identify(this.#info);
      if (!(found instanceof Promise)) return found;
      return found
        .catch((error: unknown) => this.#unidentified(error))
        .then((caller) => {
          this.#caller = caller;
          return caller;
        });
    } catch (error) {
      return this.#unidentified(error);
    }
  }

  /** A failure to find out who is calling is our fault, and no reason to take the caller for anonymous. */
  #unidentified(cause: unknown): Caller {
    const error = new ServiceError('INTERNAL_ERROR', 'the caller could not be identified', { cause });
    return { ...unattested(this.peer), evidence: { status: 'refused', error } };
  }
}

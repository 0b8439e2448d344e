import { unattested } from '../../caller/caller.js';
import type { Caller, Peer } from '../../caller/caller.js';
import type { TlsSession } from '../../caller/tls-session.js';
import { ServiceError } from '../../errors/service-error.js';
import type { Connection } from '../connection.js';
import type { Identify, PeerInfo } from './listener.js';
import { tlsSession } from './tls-session.js';

/** Shared by all connections of a listener. */
export interface DrainState {
  draining: boolean;
}

/** How the caller of a connection is found out, and for how long that holds. */
export interface Identification {
  readonly identify: Identify;
  /** null: for as long as the connection lasts. */
  readonly isCurrent: ((caller: Caller) => boolean) | null;
}

/** A connection whose caller is worked out once and kept while it is current: evidence is not verified for every call. */
export class SocketConnection implements Connection {
  readonly session: TlsSession | null;
  readonly #info: PeerInfo;
  readonly #identification: Identification;
  readonly #state: DrainState;
  #caller: Caller | Promise<Caller> | null = null;

  constructor(info: PeerInfo, identification: Identification, state: DrainState) {
    this.#info = info;
    this.session = info.tlsSocket === null ? null : tlsSession(info.tlsSocket, info.certificate);
    this.#identification = identification;
    this.#state = state;
  }

  get peer(): Peer {
    return this.#info.peer;
  }

  get draining(): boolean {
    return this.#state.draining;
  }

  caller(): Caller | Promise<Caller> {
    if (this.#caller === null || this.#isStale(this.#caller)) this.#caller = this.#identifyOnce();
    return this.#caller;
  }

  /** Who is being identified right now is current by definition. */
  #isStale(caller: Caller | Promise<Caller>): boolean {
    const { isCurrent } = this.#identification;
    return isCurrent !== null && !(caller instanceof Promise) && !isCurrent(caller);
  }

  /** A promise is replaced by what it gave, so that later calls on the connection go without one. */
  #identifyOnce(): Caller | Promise<Caller> {
    try {
      const found = this.#identification.identify(this.#info);
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

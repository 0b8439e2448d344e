import { GuestAgent } from '../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { Tappd } from '../../gen/dstack/guestagent/v1/tappd_pb.js';
import { Worker } from '../../gen/dstack/guestagent/v1/worker_pb.js';
import type { AgentConfig, ExternalListener } from '../config/agent-config.js';
import type { Listener as Place } from '../config/listen-address.js';
import { ConfigError } from '../errors/config-error.js';
import { GUEST_AGENT_ACCESS, guestAgentBindings, guestAgentUrls } from '../handlers/guest-agent/bindings.js';
import { TAPPD_ACCESS, tappdBindings } from '../handlers/tappd/bindings.js';
import { WORKER_ACCESS, workerBindings, workerUrls } from '../handlers/worker/bindings.js';
import type { AuditRecord, HandlerOptions } from '../http/handler-options.js';
import type { Listener, ListenOptions, PeerCredentials } from '../http/listen/listener.js';
import { listenTcp } from '../http/listen/tcp.js';
import { listenTls } from '../http/listen/tls.js';
import { listenUnix } from '../http/listen/unix.js';
import { listenVsock, type OpenVsock } from '../http/listen/vsock.js';
import { createRequestHandler } from '../http/request-handler.js';
import type { AgentServices } from './agent-services.js';
import { appVersionHeader } from './build-version.js';

export interface ListenerInputs {
  readonly config: AgentConfig;
  readonly services: AgentServices;
  readonly audit: (record: AuditRecord) => void;
  readonly peerCredentials: PeerCredentials | null;
  readonly openVsock: OpenVsock;
}

/** The listeners of the agent by their names in the configuration; null for those switched off. */
export interface AgentListeners {
  readonly internal: Listener | null;
  readonly internalV0: Listener | null;
  readonly external: Listener | null;
}

/**
 * Opens every listener that is switched on, or none.
 * @throws ConfigError for an address without the port it needs, or with HTTPS it cannot have; ListenError; the system's error
 */
export async function openListeners(inputs: ListenerInputs): Promise<AgentListeners> {
  const { config, services } = inputs;
  const { internal, internalV0, external } = config;
  const opened: Listener[] = [];
  const open = async (place: Place | null, options: HandlerOptions): Promise<Listener | null> => {
    if (place === null) return null;
    const listener = await listen(place, listenOptions(inputs, options), inputs, await identityFor(place, services));
    opened.push(listener);
    return listener;
  };
  try {
    return {
      internal: await open(internal, guestAgentHandler(inputs)),
      internalV0: await open(internalV0, tappdHandler(inputs)),
      external: await open(external, workerHandler(inputs)),
    };
  } catch (error) {
    await Promise.all(opened.map((listener) => listener.stop(0)));
    throw error;
  }
}

function guestAgentHandler({ config, services: { guestAgent }, audit }: ListenerInputs): HandlerOptions {
  return {
    bindings: guestAgentBindings(guestAgent),
    prpc: [{ mount: '/', trimPrefix: null, service: GuestAgent }],
    plain: guestAgentUrls(guestAgent),
    access: GUEST_AGENT_ACCESS,
    audit,
    headers: { Server: config.ident },
  };
}

function tappdHandler({ config, services: { tappd }, audit }: ListenerInputs): HandlerOptions {
  return {
    bindings: tappdBindings(tappd),
    prpc: [{ mount: '/prpc', trimPrefix: 'Tappd.', service: Tappd }],
    plain: [],
    access: TAPPD_ACCESS,
    audit,
    headers: { Server: config.ident },
  };
}

function workerHandler({ config, services: { worker }, audit }: ListenerInputs): HandlerOptions {
  return {
    bindings: workerBindings(worker),
    prpc: [{ mount: '/prpc', trimPrefix: 'Worker.', service: Worker }],
    plain: workerUrls(worker),
    access: WORKER_ACCESS,
    audit,
    headers: { Server: config.ident, 'X-App-Version': appVersionHeader(worker.build) },
  };
}

function listenOptions({ config }: ListenerInputs, options: HandlerOptions): ListenOptions {
  return { handler: createRequestHandler(options), limits: { keepAliveTimeout: Math.round(config.keepAlive * 1000) } };
}

interface Identity {
  readonly key: string;
  readonly cert: string;
  readonly clientCa: null;
}

/** A fresh RA-TLS server certificate of the application, where the listener wants one. */
async function identityFor(place: Place | ExternalListener, { tlsKeys }: AgentServices): Promise<Identity | null> {
  if (!('tls' in place) || place.tls === 'off') return null;
  const { key, certificateChain } = await tlsKeys.fresh({
    subject: place.tlsAltNames[0] ?? 'dstack guest agent',
    altNames: place.tlsAltNames,
    serverAuth: true,
    clientAuth: false,
    embedQuote: true,
    embedAppInfo: false,
    notBefore: null,
    notAfter: null,
  });
  return { key, cert: certificateChain.join(''), clientCa: null };
}

async function listen(place: Place, options: ListenOptions, { peerCredentials, openVsock }: ListenerInputs, identity: Identity | null): Promise<Listener> {
  const { address, port, mode } = place;
  switch (address.kind) {
    case 'unix':
      if (identity !== null) throw new ConfigError('CONFIG_INVALID', 'a unix socket cannot be served with tls = "ra-tls"');
      return listenUnix({ path: address.path, mode }, { ...options, peerCredentials });
    case 'tcp': {
      if (port === null) throw new ConfigError('CONFIG_INVALID', `the listener on ${address.host} needs a port`);
      const tcp = { host: address.host, port };
      return identity === null ? listenTcp(tcp, options) : listenTls(tcp, identity, options);
    }
    case 'vsock':
      if (identity !== null) throw new ConfigError('CONFIG_INVALID', 'a vsock address cannot be served with tls = "ra-tls"');
      if (port === null) throw new ConfigError('CONFIG_INVALID', `the listener on vsock:${address.cid} needs a port`);
      return listenVsock({ cid: address.cid, port }, { ...options, openVsock });
  }
}

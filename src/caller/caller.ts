import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import type { DstackError } from '../errors/base.js';

/** The other end of a connection, as the transport saw it. */
export type Peer =
  | { readonly kind: 'unix'; readonly path: string; readonly pid: number | null; readonly uid: number | null; readonly gid: number | null }
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
  | { readonly kind: 'vsock'; readonly cid: number; readonly port: number };

/**
 * What the peer's TLS certificate proved.
 * `none`: no certificate, or one without an attestation. `refused`: an attestation that did not verify;
 * every call on such a connection is refused with `error`.
 */
export type CallerEvidence =
  | { readonly status: 'none' }
  | { readonly status: 'verified'; readonly verified: VerifiedAttestation }
  | { readonly status: 'refused'; readonly error: DstackError };

/** Who is calling. Built once per connection, before any handler runs. */
export interface Caller {
  readonly peer: Peer;
  readonly evidence: CallerEvidence;
}

const NO_EVIDENCE: CallerEvidence = { status: 'none' };

/** A caller that proved nothing about itself. */
export function unattested(peer: Peer): Caller {
  return { peer, evidence: NO_EVIDENCE };
}

/** Text for audit records: `unix:/path pid=1 uid=0`, `tcp:127.0.0.1:4000`, `vsock:16:1024`. */
export function peerText(peer: Peer): string {
  switch (peer.kind) {
    case 'unix':
      return `unix:${peer.path} pid=${peer.pid ?? '?'} uid=${peer.uid ?? '?'}`;
    case 'tcp':
      return `tcp:${peer.address}:${peer.port}`;
    case 'vsock':
      return `vsock:${peer.cid}:${peer.port}`;
  }
}

/** How much evidence strangers can have made for them (spec/api.md section 1.3). */
export interface FreshLimitOptions {
  /** Documents a peer gets at once; one more accrues every `perPeerMs`. */
  readonly perPeer: number;
  readonly perPeerMs: number;
  /** The same over all peers, since addresses are cheap. */
  readonly total: number;
  readonly totalMs: number;
  /** Peers remembered; the one longest unseen is forgotten first. */
  readonly maxPeers: number;
}

export const DEFAULT_FRESH_LIMIT: FreshLimitOptions = { perPeer: 5, perPeerMs: 10_000, total: 20, totalMs: 1_000, maxPeers: 4096 };

interface Bucket {
  readonly tokens: number;
  /** Milliseconds of the clock passed in. */
  readonly at: number;
}

/**
 * Token buckets, one a peer and one for all.
 * @param now milliseconds, never going back
 * @returns whether the peer may have fresh evidence now; taking it counts
 */
export function createFreshLimit(now: () => number, options: FreshLimitOptions = DEFAULT_FRESH_LIMIT): (peer: string) => boolean {
  const peers = new Map<string, Bucket>();
  let everyone: Bucket = { tokens: options.total, at: now() };
  return (peer) => {
    const at = now();
    const own = refill(peers.get(peer) ?? { tokens: options.perPeer, at }, at, options.perPeer, options.perPeerMs);
    everyone = refill(everyone, at, options.total, options.totalMs);
    const allowed = own.tokens >= 1 && everyone.tokens >= 1;
    if (allowed) everyone = { tokens: everyone.tokens - 1, at };
    peers.delete(peer); // so that the map stays in order of use
    peers.set(peer, allowed ? { tokens: own.tokens - 1, at } : own);
    const oldest = peers.keys().next();
    if (peers.size > options.maxPeers && oldest.done !== true) peers.delete(oldest.value);
    return allowed;
  };
}

function refill(bucket: Bucket, at: number, capacity: number, msPerToken: number): Bucket {
  return { tokens: Math.min(capacity, bucket.tokens + (at - bucket.at) / msPerToken), at };
}

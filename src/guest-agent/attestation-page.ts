import { formatEventLog } from '../attestation/event-log/tdx-event-json.js';
import type { AppInfo } from '../attestation/evidence/app-info.js';
import type { Attestation } from '../attestation/evidence/attestation.js';
import type { Asker, EvidenceSource } from '../attestation/evidence/evidence-source.js';
import type { TeeVariant } from '../attestation/tee-variant.js';
import { encodeAttestation } from '../attestation/wire/decode.js';
import { REPORT_DATA_TAG, taggedReportData } from '../crypto/report-data.js';
import { invalidArgument, ServiceError } from '../errors/service-error.js';
import { ownAsker } from './asker.js';
import { ownAppInfo } from './own-app-info.js';
import { createRecent } from './recent.js';

/** The `/attestation` document: all an outside verifier needs (spec/api.md section 1.3). */
export interface AttestationPage {
  readonly platform: TeeVariant;
  readonly development: boolean;
  /** TDX quote, or null. */
  readonly quote: Uint8Array | null;
  /** NSM document, or null. */
  readonly document: Uint8Array | null;
  /** JSON text; "" where there is none or it is private. */
  readonly eventLog: string;
  /** "" where it is private. */
  readonly vmConfig: string;
  /** What the caller asked for, at most 64 bytes; empty for none. */
  readonly challenge: Uint8Array;
  /** SHA-512("app-data:" ‖ challenge), 64 bytes. */
  readonly reportData: Uint8Array;
  /** Versioned attestation; empty where the application keeps measurements private, since it holds them all. */
  readonly attestation: Uint8Array;
  readonly app: AppInfo;
  /** Milliseconds since the evidence was made. */
  readonly ageMs: number;
}

const MAX_CHALLENGE = 64;
const MAX_AGE_MS = 60_000;

export interface AttestationPageOptions {
  readonly evidence: EvidenceSource;
  readonly vmConfig: string;
  readonly publicTcbinfo: boolean;
  /** Whether this peer may have evidence made now; taking it counts. */
  readonly allowFresh: (peer: string) => boolean;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  readonly generation: () => number;
}

/** `challenge` null: recent evidence will do. `peer` names who asks, for the rate limit; `asker` for the quote service. */
export type GetAttestationPage = (challenge: Uint8Array | null, peer: string, asker?: Asker) => Promise<AttestationPage>;

/**
 * Evidence for strangers. A challenge is never report data itself but hashed under the `app-data` tag, the
 * tag of application data: a stranger who could choose report data freely could have the hardware vouch
 * for a TLS key of his own.
 */
export function createAttestationPage(options: AttestationPageOptions): GetAttestationPage {
  const { evidence, now } = options;
  const make = (challenge: Uint8Array, asker?: Asker): Promise<Attestation> => evidence.attest(taggedReportData(REPORT_DATA_TAG.appData, challenge), undefined, asker);
  const recent = createRecent({ make: () => make(new Uint8Array(), ownAsker('attestation page')), maxAgeMs: MAX_AGE_MS, now, generation: options.generation });
  return async (challenge, peer, asker) => {
    if (challenge === null) {
      const { value, ageMs } = await recent.get();
      return page(value, new Uint8Array(), ageMs, options);
    }
    if (challenge.length > MAX_CHALLENGE) throw invalidArgument(`challenge is ${challenge.length} bytes, at most ${MAX_CHALLENGE}`);
    if (!options.allowFresh(peer)) {
      throw new ServiceError('RESOURCE_EXHAUSTED', 'too much fresh evidence asked for; try again later, or without a challenge');
    }
    const from = now();
    return page(await make(challenge, asker), challenge, now() - from, options);
  };
}

function page(attestation: Attestation, challenge: Uint8Array, ageMs: number, options: AttestationPageOptions): AttestationPage {
  const { platform, stack } = attestation;
  const { publicTcbinfo } = options;
  const tdx = platform.kind === 'tdx' || platform.kind === 'gcp-tdx' ? platform : null;
  return {
    platform: options.evidence.variant,
    development: options.evidence.development,
    quote: tdx?.quote ?? null,
    document: platform.kind === 'nitro-enclave' ? platform.nsmQuote : null,
    eventLog: tdx !== null && publicTcbinfo ? formatEventLog(tdx.eventLog) : '',
    vmConfig: publicTcbinfo ? options.vmConfig : '',
    challenge,
    reportData: stack.reportData,
    attestation: publicTcbinfo ? encodeAttestation(attestation) : new Uint8Array(),
    app: ownAppInfo(attestation),
    ageMs,
  };
}

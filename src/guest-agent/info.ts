import { tdxEventJson } from '../attestation/event-log/tdx-event-json.js';
import type { AppInfo } from '../attestation/evidence/app-info.js';
import type { Attestation } from '../attestation/evidence/attestation.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { hex } from '../crypto/hex.js';
import { REPORT_DATA_LENGTH } from '../crypto/report-data.js';
import type { AppCompose } from './app-compose.js';
import { ownAsker } from './asker.js';
import { ownAppInfo } from './own-app-info.js';
import { createRecent } from './recent.js';
import { tdReportOf } from './td-report.js';

/** The answer of Info (spec/guest-agent.md section 6.5). */
export interface InstanceInfo {
  readonly app: AppInfo;
  readonly appName: string;
  /** PEM chain, "" until it was issued. */
  readonly appCert: string;
  /** Pretty-printed JSON text. */
  readonly tcbInfo: string;
  /** "" where the evidence holds no UTF-8 text. */
  readonly keyProviderInfo: string;
  readonly vmConfig: string;
  readonly cloudVendor: string;
  readonly cloudProduct: string;
}

/** How long the part of Info that comes from evidence is served again: nothing in it changes without an event. */
const MAX_AGE_MS = 10 * 60 * 1000;

export interface InfoOptions {
  readonly evidence: EvidenceSource;
  readonly compose: Pick<AppCompose, 'name' | 'text'>;
  readonly vmConfig: string;
  readonly cloudVendor: string;
  readonly cloudProduct: string;
  readonly appCert: () => string;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  /** Grows when an event was measured. */
  readonly generation: () => number;
}

/**
 * Describes the instance from its own evidence, which is made at most once between two events and ten
 * minutes: a hardware quote takes up to a second, and callers poll Info.
 */
export function createInfo(options: InfoOptions): () => Promise<InstanceInfo> {
  const { evidence, compose, now, generation } = options;
  const measured = createRecent({ make: () => measure(evidence, compose.text), maxAgeMs: MAX_AGE_MS, now, generation });
  return async () => {
    const { app, tcbInfo } = (await measured.get()).value;
    return {
      app,
      tcbInfo,
      appName: compose.name,
      appCert: options.appCert(),
      keyProviderInfo: utf8OrEmpty(app.keyProviderInfo),
      vmConfig: options.vmConfig,
      cloudVendor: options.cloudVendor,
      cloudProduct: options.cloudProduct,
    };
  };
}

/** What strangers see of it: with `public_tcbinfo = false`, neither measurements nor configuration. */
export function publicInfo(info: InstanceInfo, publicTcbinfo: boolean): InstanceInfo {
  return publicTcbinfo ? info : { ...info, tcbInfo: '', vmConfig: '' };
}

async function measure(evidence: EvidenceSource, composeText: string): Promise<{ readonly app: AppInfo; readonly tcbInfo: string }> {
  const attestation = await evidence.attest(new Uint8Array(REPORT_DATA_LENGTH), undefined, ownAsker('info'));
  const app = ownAppInfo(attestation);
  return { app, tcbInfo: formatTcbInfo(attestation, app, composeText, evidence.development) };
}

/** Key order and indentation of the existing agent; `development` is ours and stands only where it is true. */
function formatTcbInfo({ platform }: Attestation, app: AppInfo, composeText: string, development: boolean): string {
  const tdx = platform.kind === 'tdx' || platform.kind === 'gcp-tdx' ? platform : null;
  const report = tdx === null ? null : tdReportOf(tdx.quote);
  const rtmr = (index: 0 | 1 | 2 | 3): string | null => (report === null ? null : hex(report.rtmrs[index]));
  const document = {
    mrtd: report === null ? null : hex(report.mrTd),
    rtmr0: rtmr(0),
    rtmr1: rtmr(1),
    rtmr2: rtmr(2),
    rtmr3: rtmr(3),
    mr_aggregated: hex(app.mrAggregated),
    os_image_hash: hex(app.osImageHash),
    compose_hash: hex(app.composeHash),
    device_id: hex(app.deviceId),
    event_log: (tdx?.eventLog ?? []).map(tdxEventJson),
    app_compose: composeText,
    ...(development ? { development: true } : {}),
  };
  return JSON.stringify(document, null, 2);
}

function utf8OrEmpty(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return '';
  }
}

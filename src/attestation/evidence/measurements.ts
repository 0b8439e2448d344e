import { sha256 } from '../../crypto/sha256.js';
import { AppraisalError } from '../../errors/appraisal-error.js';
import { VerificationError } from '../../errors/verification-error.js';
import { BOOT_MR_DONE, claim, claims } from '../event-log/boundary.js';
import { malformedLog } from '../event-log/log-error.js';
import { replayRuntimeEvents } from '../event-log/replay.js';
import { type NsmDocument, parseNsmDocument } from '../nitro/document.js';
import { pcr } from '../nitro/verify.js';
import { keyProviderInfoOf, type MrConfig, parseMrConfig } from '../sev-snp/mr-config.js';
import { parseSnpReport, type SnpReport } from '../sev-snp/report.js';
import { parseQuote, type TdReport } from '../tdx/quote.js';
import { type Pcrs, quotedPcr } from '../tpm/pcrs.js';
import { PLATFORM_NAMES } from '../tee-variant.js';
import type { AppInfo, MeasurementView } from './app-info.js';
import { type Attestation, type RuntimeEvent, type StackEvidence, teeVariantOf, type TpmQuote } from './attestation.js';
import type { VerifiedAttestation } from './verified.js';
import { osImageHashOf, snpImageHashOf } from './vm-config.js';

export interface AppInfoOptions {
  /** VM configuration to use instead of the embedded one; "" (the default) means the embedded one. */
  readonly config?: string;
  readonly view: MeasurementView;
}

const EMPTY = new Uint8Array();
const HASH_BYTES = 32;
const ZERO_HASH = new Uint8Array(HASH_BYTES);
const MAX_INIT_SCRIPTS = 5;
const NOT_VERIFIED_DEVICE = sha256();

/**
 * Identity and measurements of verified evidence (spec/attestation.md section 5, spec/kms.md section 11.2).
 * @throws VerificationError VM_CONFIG_MALFORMED, EVENT_LOG_MALFORMED
 */
export function appInfo(verified: VerifiedAttestation, options: AppInfoOptions): AppInfo {
  const { platform, attestation } = verified;
  if (platform.kind === 'sev-snp') return snpAppInfo(platform.report, platform.mrConfig, configOf(attestation.stack, options));
  const claimed = claimsOf(attestation.stack, options, false);
  switch (platform.kind) {
    case 'tdx':
      return { ...claimed, deviceId: sha256(platform.ppid), ...tdxMeasurements(platform.report, attestation.stack, options.view) };
    case 'gcp-tdx':
      return { ...claimed, deviceId: sha256(platform.ppid), ...gcpMeasurements(platform.tpm.pcrs, claimed.osImageHash, attestation.stack, options.view) };
    case 'nitro-enclave':
      return { ...claimed, deviceId: nitroDeviceId(platform.document), ...nitroMeasurements(platform.document, claimed.osImageHash) };
  }
}

/**
 * The same of evidence nothing has verified: for display, and for an agent describing itself. The device is
 * not known then, its id is SHA-256 of nothing but on SEV-SNP; V1 evidence may have a whole system configuration embedded.
 * @throws VerificationError VM_CONFIG_MALFORMED, EVENT_LOG_MALFORMED, QUOTE_MALFORMED, NSM_DOCUMENT_MALFORMED, SNP_REPORT_MALFORMED, MR_CONFIG_MALFORMED
 * @throws AppraisalError PLATFORM_NOT_SUPPORTED
 */
export function unverifiedAppInfo({ platform, stack, wire }: Attestation, options: AppInfoOptions): AppInfo {
  if (platform.kind === 'sev-snp') return snpAppInfo(parseSnpReport(platform.report), parseMrConfig(platform.mrConfig), configOf(stack, options));
  const claimed = { ...claimsOf(stack, options, wire === 'v1'), deviceId: NOT_VERIFIED_DEVICE };
  switch (platform.kind) {
    case 'tdx':
      return { ...claimed, ...tdxMeasurements(tdReportOf(platform.quote), stack, options.view) };
    case 'gcp-tdx':
      return { ...claimed, ...gcpMeasurements(claimedPcrs(platform.tpmQuote), claimed.osImageHash, stack, options.view) };
    case 'nitro-enclave':
      return { ...claimed, ...nitroMeasurements(parseNsmDocument(platform.nsmQuote), claimed.osImageHash) };
    default:
      throw new AppraisalError('PLATFORM_NOT_SUPPORTED', `measurements of ${PLATFORM_NAMES[teeVariantOf(platform)]} are not supported`);
  }
}

/** SHA-256 over PCR0, PCR1 and PCR2 of an enclave: the hash of its image, 32 bytes (spec/attestation.md section 7). */
export function nitroImageHash({ pcrs }: NsmDocument): Uint8Array {
  return sha256(pcr(pcrs, 0), pcr(pcrs, 1), pcr(pcrs, 2));
}

/** What the events and the configuration say, platform aside. */
function claimsOf(stack: StackEvidence, options: AppInfoOptions, unwrap: boolean): Omit<AppInfo, 'deviceId' | 'mrSystem' | 'mrAggregated'> {
  const { runtimeEvents } = stack;
  return {
    appId: claim(runtimeEvents, 'app-id'),
    composeHash: claim(runtimeEvents, 'compose-hash'),
    instanceId: claim(runtimeEvents, 'instance-id'),
    osImageHash: osImageHashOf(configOf(stack, options), { unwrap }),
    keyProviderInfo: keyProvider(runtimeEvents, options.view),
    initScriptHashes: initScriptHashes(runtimeEvents),
  };
}

/** The VM configuration that counts. */
function configOf({ config }: StackEvidence, options: AppInfoOptions): string {
  const given = options.config ?? '';
  return given === '' ? config : given;
}

/** One per init script of the launch, which has at most five (spec/attestation.md section 2.4). */
function initScriptHashes(events: readonly RuntimeEvent[]): Uint8Array[] {
  const hashes = claims(events, 'init-script-hash');
  if (hashes.length > MAX_INIT_SCRIPTS) malformedLog(`more than ${MAX_INIT_SCRIPTS} init-script-hash events`);
  for (const hash of hashes) if (hash.length !== HASH_BYTES) malformedLog(`init-script-hash of ${hash.length} bytes`);
  return hashes;
}

/** Left out of the boot-time view: it is decided after that view ends. */
function keyProvider(events: readonly RuntimeEvent[], view: MeasurementView): Uint8Array {
  return view === 'boot-time' ? EMPTY : claim(events, 'key-provider');
}

function tdxMeasurements(report: TdReport, { runtimeEvents }: StackEvidence, view: MeasurementView): Pick<AppInfo, 'mrSystem' | 'mrAggregated'> {
  const [rtmr0, rtmr1, rtmr2] = report.rtmrs;
  const boot = [report.mrTd, rtmr0, rtmr1, rtmr2];
  const rtmr3 = replayRuntimeEvents(runtimeEvents, 'sha384', view === 'boot-time' ? BOOT_MR_DONE : null);
  const owner = [report.mrConfigId, report.mrOwner, report.mrOwnerConfig];
  const isOwned = owner.some((register) => register.some((byte) => byte !== 0));
  return {
    mrSystem: sha256(...boot, providerHash(runtimeEvents, view)),
    mrAggregated: sha256(...boot, rtmr3, ...(isOwned ? owner : [])),
  };
}

function providerHash(events: readonly RuntimeEvent[], view: MeasurementView): Uint8Array {
  const provider = keyProvider(events, view);
  return provider.length === 0 ? ZERO_HASH : sha256(provider);
}

/** The firmware and image of the vTPM's PCRs; the image's name stands in the system measurement (spec/attestation.md section 5). */
function gcpMeasurements(pcrs: Pcrs, osImageHash: Uint8Array, { runtimeEvents }: StackEvidence, view: MeasurementView): Pick<AppInfo, 'mrSystem' | 'mrAggregated'> {
  const pcr14 = replayRuntimeEvents(runtimeEvents, 'sha256', view === 'boot-time' ? BOOT_MR_DONE : null);
  return {
    mrSystem: sha256(osImageHash, providerHash(runtimeEvents, view)),
    mrAggregated: sha256(quotedPcr(pcrs, 0), quotedPcr(pcrs, 2), pcr14),
  };
}

function claimedPcrs({ pcrValues }: TpmQuote): Pcrs {
  return new Map(pcrValues.map(({ index, value }) => [index, value]));
}

function nitroMeasurements(document: NsmDocument, osImageHash: Uint8Array): Pick<AppInfo, 'mrSystem' | 'mrAggregated' | 'composeHash'> {
  const image = nitroImageHash(document);
  return { mrSystem: image, mrAggregated: image, composeHash: osImageHash };
}

/** All from the report and the document its HOST_DATA stands for; nothing is decided after the launch, so both views are one. */
function snpAppInfo({ measurement, hostData, chipId }: SnpReport, mrConfig: MrConfig, config: string): AppInfo {
  return {
    appId: mrConfig.appId,
    composeHash: mrConfig.composeHash,
    instanceId: mrConfig.instanceId,
    deviceId: sha256(chipId),
    mrSystem: sha256(measurement),
    mrAggregated: sha256(measurement, hostData),
    osImageHash: snpImageHashOf(config),
    keyProviderInfo: keyProviderInfoOf(mrConfig),
    initScriptHashes: mrConfig.initScriptHashes,
  };
}

/**
 * SHA-256 of the module id up to its first dash. For a real id `i-0123…-enc…` that is the letter i, so all
 * enclaves share one device id; allow-lists in use have that value, so it stays (spec/kms.md section 11.2).
 */
function nitroDeviceId({ moduleId }: NsmDocument): Uint8Array {
  return sha256(Buffer.from(moduleId.slice(0, Math.max(moduleId.indexOf('-'), 0)), 'utf8'));
}

function tdReportOf(quote: Uint8Array): TdReport {
  const { report } = parseQuote(quote);
  if (report.kind === 'sgx') throw new VerificationError('QUOTE_BODY_NOT_FOR_TEE', 'the quote is not of a trust domain');
  return report;
}

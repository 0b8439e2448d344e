import type { Verdict } from '../../attestation/appraisal/appraise.js';
import type { AppInfo } from '../../attestation/evidence/app-info.js';
import { type Attestation, teeVariantOf } from '../../attestation/evidence/attestation.js';
import { nitroImageHash } from '../../attestation/evidence/measurements.js';
import type { QuoteVerdict } from '../../attestation/dcap/verify-quote.js';
import type { NsmDocument } from '../../attestation/nitro/document.js';
import type { SnpReport } from '../../attestation/sev-snp/report.js';
import type { Quote, TdReport } from '../../attestation/tdx/quote.js';
import type { SgxReport } from '../../attestation/tdx/sgx-report.js';
import { hex } from '../../crypto/hex.js';

/** What the evidence says, as JSON; bytes in lower-case hex. `verified` says whether any of it may be believed. */
export interface Claims {
  readonly [name: string]: ClaimValue;
}
export type ClaimValue = string | number | boolean | null | readonly string[] | Claims;

export function quoteClaims({ header, report }: Quote): Claims {
  const tee = report.kind === 'sgx' ? 'sgx' : 'tdx';
  return { kind: `${tee}-quote`, quoteVersion: header.version, ...(report.kind === 'sgx' ? sgxClaims(report) : tdxClaims(report)) };
}

/** What only a verified quote has. */
export function verdictClaims({ status, advisoryIds, fmspc, ppid, validUntil }: QuoteVerdict): Claims {
  return { tcbStatus: status, advisoryIds, fmspc: hex(fmspc), ppid: hex(ppid), validUntil };
}

export function snpClaims(report: SnpReport): Claims {
  return {
    kind: 'snp-report',
    reportVersion: report.version,
    policy: `0x${report.policy.toString(16)}`,
    measurement: hex(report.measurement),
    hostData: hex(report.hostData),
    chipId: hex(report.chipId),
    currentTcb: hex(report.currentTcb),
    reportedTcb: hex(report.reportedTcb),
    committedTcb: hex(report.committedTcb),
    launchTcb: hex(report.launchTcb),
    reportData: hex(report.reportData),
  };
}

export function nsmClaims(document: NsmDocument): Claims {
  return {
    kind: 'nsm-document',
    moduleId: document.moduleId,
    timestampMs: document.timestampMs,
    digest: document.digest,
    imageHash: [0, 1, 2].every((index) => document.pcrs.has(index)) ? hex(nitroImageHash(document)) : null,
    pcrs: Object.fromEntries([...document.pcrs].map(([index, value]) => [index, hex(value)])),
    userData: hexOrNull(document.userData),
    nonce: hexOrNull(document.nonce),
    publicKey: hexOrNull(document.publicKey),
  };
}

export function attestationClaims({ wire, platform, stack }: Attestation): Claims {
  return {
    kind: 'attestation',
    wire,
    teeVariant: teeVariantOf(platform),
    stack: stack.kind,
    reportData: hex(stack.reportData),
    runtimeEvents: stack.runtimeEvents.map((event) => `${event.event}=${hex(event.payload)}`),
    config: stack.config,
  };
}

/** Identity and measurements, in the spelling of the policy webhook. */
export function appInfoClaims(info: AppInfo): Claims {
  return {
    appId: hex(info.appId),
    composeHash: hex(info.composeHash),
    instanceId: hex(info.instanceId),
    deviceId: hex(info.deviceId),
    mrSystem: hex(info.mrSystem),
    mrAggregated: hex(info.mrAggregated),
    osImageHash: hex(info.osImageHash),
    keyProviderInfo: hex(info.keyProviderInfo),
    initScriptHashes: info.initScriptHashes === null ? null : info.initScriptHashes.map(hex),
  };
}

/** The named claims, each with its tier, and the codes of what is held against them. */
export function appraisalClaims({ claims, reasons }: Verdict): Claims {
  const named = claims.map(({ name, tier, value }) => [name, { tier, value }] as const);
  return { ...Object.fromEntries(named), reasons: reasons.map(({ code }) => code) };
}

function tdxClaims(report: TdReport): Claims {
  const [rtmr0, rtmr1, rtmr2, rtmr3] = report.rtmrs;
  return {
    teeTcbSvn: hex(report.teeTcbSvn),
    mrSeam: hex(report.mrSeam),
    tdAttributes: hex(report.tdAttributes),
    xfam: hex(report.xfam),
    mrTd: hex(report.mrTd),
    mrConfigId: hex(report.mrConfigId),
    mrOwner: hex(report.mrOwner),
    mrOwnerConfig: hex(report.mrOwnerConfig),
    rtmr0: hex(rtmr0),
    rtmr1: hex(rtmr1),
    rtmr2: hex(rtmr2),
    rtmr3: hex(rtmr3),
    reportData: hex(report.reportData),
  };
}

function sgxClaims(report: SgxReport): Claims {
  return {
    cpuSvn: hex(report.cpuSvn),
    attributes: hex(report.attributes),
    mrEnclave: hex(report.mrEnclave),
    mrSigner: hex(report.mrSigner),
    isvProdId: report.isvProdId,
    isvSvn: report.isvSvn,
    reportData: hex(report.reportData),
  };
}

function hexOrNull(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : hex(bytes);
}

import { type CertificateFetcher, DEFAULT_AMD_KDS_URL, NO_CERTIFICATES } from '../attestation/certificate-fetcher.js';
import type { CollateralGetter } from '../attestation/collateral.js';
import type { VerifyOptions } from '../attestation/evidence/verify.js';
import { VerifierCache } from '../attestation/evidence/verifier-cache.js';
import { DstackError, messageChain } from '../errors/base.js';
import { CollateralError } from '../errors/collateral-error.js';
import { VerificationError } from '../errors/verification-error.js';
import { sourcesFromText } from './collateral-file.js';
import { createOnlineSources, type OnlinePlaces } from './online-sources.js';
import { printable } from './printable.js';
import type { Claims, ClaimValue } from './verify/claims.js';
import { type Confirmed, examine, type Examination } from './verify/examine.js';
import { recogniseEvidence, reportDataOption, timeOption, VerifyInputError } from './verify/input.js';
import { assignRoots, candidateRoots, type ExplicitRoot, readRoot, replacementWarnings, tdxRoots } from './verify/roots.js';

/** `dstack verify <file>` as the command line has it; null for an option that was not given. */
export interface VerifyCommandOptions {
  readonly file: string;
  /** File of a QuoteCollateralV3 JSON object or of recorded HTTP answers. */
  readonly collateral: string | null;
  /** Where to look things up instead of in a file; nothing is asked of the network unless given. */
  readonly online?: OnlinePlaces | null;
  /** Unix seconds at which to judge; the present when null. */
  readonly at: string | null;
  /** Files of trust anchors, PEM or DER, that replace the vendors'. */
  readonly roots: readonly string[];
  /** Hex the report data must equal, padded with zeros to 64 bytes. */
  readonly reportData: string | null;
  readonly json: boolean;
}

/** What the command touches of the world. */
export interface VerifyCommandIo {
  readFile(path: string): Promise<Uint8Array>;
  /** Unix seconds. */
  now(): number;
  /** Lines for standard output and standard error, without newline. */
  out(line: string): void;
  err(line: string): void;
}

/** 0 accepted, 1 refused, 2 input unreadable or command misused. */
export type VerifyExitCode = 0 | 1 | 2;

interface Verdict {
  readonly accepted: boolean;
  readonly code: string | null;
  readonly reason: string | null;
  readonly claims: Claims;
}

/** Everything that is looked up, from the one file or from the network. */
interface Sources {
  readonly collateral: CollateralGetter;
  readonly certificates: CertificateFetcher;
  readonly amdKdsUrl?: string;
}

interface Request extends Sources {
  readonly evidence: Uint8Array;
  readonly explicit: readonly ExplicitRoot[];
  readonly now: number;
  readonly reportData: Uint8Array | null;
}

/**
 * Judges evidence in a file and prints the verdict, as text or as
 * `{"accepted": boolean, "code": string | null, "claims": {…}}`. Nothing is fetched unless `online` says where: collateral comes from
 * the file given, and without either no quote is accepted (COLLATERAL_UNAVAILABLE).
 */
export async function runVerify(options: VerifyCommandOptions, io: VerifyCommandIo): Promise<VerifyExitCode> {
  try {
    const request = await readRequest(options, io);
    for (const warning of replacementWarnings(request.explicit)) io.err(warning);
    const verdict = await judge(request);
    print(verdict, options.json, io);
    return verdict.accepted ? 0 : 1;
  } catch (error) {
    if (!(error instanceof VerifyInputError)) throw error;
    io.err(messageChain(error));
    if (options.json) io.out(JSON.stringify({ accepted: false, code: error.code, claims: {} }));
    return 2;
  }
}

async function readRequest(options: VerifyCommandOptions, io: VerifyCommandIo): Promise<Request> {
  const roots = [];
  for (const path of options.roots) roots.push(readRoot(await read(path, io), path));
  const explicit = assignRoots(roots);
  const now = options.at === null ? io.now() : timeOption(options.at);
  return {
    evidence: await read(options.file, io),
    ...(await sourcesFor(options, { explicit, now }, io)),
    explicit,
    now,
    reportData: options.reportData === null ? null : reportDataOption(options.reportData),
  };
}

async function sourcesFor({ collateral, online = null }: VerifyCommandOptions, { explicit, now }: Pick<Request, 'explicit' | 'now'>, io: VerifyCommandIo): Promise<Sources> {
  if (collateral !== null && online !== null) throw new VerifyInputError('USAGE', '--collateral and --online are two answers to one question');
  if (collateral !== null) return parseSources(await read(collateral, io), collateral);
  if (online === null) return NOTHING;
  return { ...createOnlineSources(online, { tdxRoots: tdxRoots(explicit), clock: () => now }), amdKdsUrl: online.amdKdsUrl };
}

const NOTHING: Sources = {
  collateral: {
    getCollateral: async () => {
      throw new CollateralError('COLLATERAL_UNAVAILABLE', 'neither --collateral nor --online was given, so the TCB of the platform cannot be decided');
    },
  },
  certificates: NO_CERTIFICATES,
};

function parseSources(file: Uint8Array, path: string): Sources {
  try {
    return sourcesFromText(Buffer.from(file).toString('utf8'));
  } catch (cause) {
    if (cause instanceof CollateralError) throw new VerifyInputError('INPUT_UNREADABLE', `cannot use ${path}`, { cause });
    throw cause;
  }
}

async function read(path: string, io: VerifyCommandIo): Promise<Uint8Array> {
  try {
    return await io.readFile(path);
  } catch (cause) {
    throw new VerifyInputError('INPUT_UNREADABLE', `cannot read ${path}`, { cause });
  }
}

async function judge(request: Request): Promise<Verdict> {
  const input = recogniseEvidence(request.evidence);
  let claims: Claims = { verified: false, kind: input.kind };
  try {
    const examination = examine(input);
    claims = { verified: false, ...examination.claims };
    const confirmed = await verifyUnderAny(examination, request);
    claims = { verified: true, ...confirmed.claims };
    checkReportData(confirmed, request.reportData);
    confirmed.appraise();
    return { accepted: true, code: null, reason: null, claims };
  } catch (error) {
    if (!(error instanceof DstackError) || error instanceof VerifyInputError) throw error;
    return { accepted: false, code: error.code, reason: messageChain(error), claims };
  }
}

/** The verdict under the first anchor that accepts; when none does, the most promising one's reason. */
async function verifyUnderAny(examination: Examination, { explicit, now, collateral, certificates, amdKdsUrl = DEFAULT_AMD_KDS_URL }: Request): Promise<Confirmed> {
  const options: Omit<VerifyOptions, 'roots'> = { now, collateral, certificates, amdKdsUrl, cache: new VerifierCache() };
  let reason: unknown = null;
  for (const roots of candidateRoots(examination.anchors, explicit)) {
    try {
      return await examination.verify({ ...options, roots });
    } catch (error) {
      reason ??= error;
    }
  }
  throw reason;
}

function checkReportData({ reportData }: Confirmed, expected: Uint8Array | null): void {
  if (expected === null) return;
  const padded = new Uint8Array(Math.max(64, reportData.length));
  padded.set(reportData);
  if (Buffer.compare(padded, expected) !== 0) throw new VerificationError('REPORT_DATA_MISMATCH', 'report data are not those of --report-data');
}

function print({ accepted, code, reason, claims }: Verdict, json: boolean, io: VerifyCommandIo): void {
  if (json) {
    if (reason !== null) io.err(reason);
    io.out(JSON.stringify({ accepted, code, claims }));
    return;
  }
  io.out(accepted ? 'ACCEPTED' : `REFUSED ${code}: ${reason}`);
  for (const line of claimLines(claims, '')) io.out(line);
}

function claimLines(claims: Claims, indent: string): string[] {
  return Object.entries(claims).flatMap(([name, value]) => {
    if (isNested(value)) return [`${indent}${name}:`, ...claimLines(value, `${indent}  `)];
    return [`${indent}${name}: ${textOf(value)}`];
  });
}

function textOf(value: Exclude<ClaimValue, Claims>): string {
  return printable(Array.isArray(value) ? value.join(' ') : String(value));
}

function isNested(value: ClaimValue): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

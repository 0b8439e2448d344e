import { JsonFields } from './json-fields.js';
import type { TcbJudgement } from './tcb-status.js';
import { isTcbStatus } from './tcb-status.js';

/** One TCB level: the minimum versions for a status. */
export interface TcbLevel extends TcbJudgement {
  /** Sixteen in every level Intel publishes; the count is checked when the level is matched. */
  readonly sgxComponents: readonly number[];
  readonly pceSvn: number;
  /** Empty for SGX. */
  readonly tdxComponents: readonly number[];
}

/** A level of an enclave or TDX module identity. */
export interface IsvTcbLevel extends TcbJudgement {
  readonly isvSvn: number;
}

/** Who may have signed the TDX module, and with which attributes. */
export interface TdxModule {
  /** 48 bytes. */
  readonly mrSigner: Uint8Array;
  /** 8 bytes each. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
}

export interface TdxModuleIdentity extends TdxModule {
  /** `TDX_` and the module's major version in two hex digits. */
  readonly id: string;
  readonly tcbLevels: readonly IsvTcbLevel[];
}

/** Intel's TCB info of a platform family (spec/attestation.md section 6.5). */
export interface TcbInfo {
  readonly id: string;
  readonly version: number;
  /** Unix seconds. */
  readonly issueDate: number;
  readonly nextUpdate: number;
  /** Of Intel's TCB recovery this was published with; higher is later. */
  readonly tcbEvaluationDataNumber: number;
  /** 6 bytes. */
  readonly fmspc: Uint8Array;
  /** Highest first: SGX components, then PCESVN, then TDX components. */
  readonly tcbLevels: readonly TcbLevel[];
  readonly tdxModule: TdxModule | null;
  readonly tdxModuleIdentities: readonly TdxModuleIdentity[];
}

const MAX_LEVELS = 256;
const MAX_COMPONENTS = 64;
const MAX_ADVISORIES = 256;
const MAX_MODULE_IDENTITIES = 256;

/**
 * Reads the signed text; unknown fields are ignored, an unknown TCB status is an error.
 * @throws VerificationError TCB_INFO_MALFORMED
 */
export function parseTcbInfo(text: string): TcbInfo {
  const fields = JsonFields.parse(text, 'tcbInfo', 'TCB_INFO_MALFORMED');
  fields.hex('pceId', 2);
  fields.integer('tcbType', 0xff);
  const module = fields.optionalObject('tdxModule');
  return {
    id: fields.string('id'),
    version: fields.integer('version', 0xff),
    issueDate: fields.time('issueDate'),
    nextUpdate: fields.time('nextUpdate'),
    tcbEvaluationDataNumber: fields.integer('tcbEvaluationDataNumber', 0xffff_ffff),
    fmspc: fields.hex('fmspc', 6),
    tcbLevels: fields.objects('tcbLevels', MAX_LEVELS).map(parseLevel).sort(highestFirst),
    tdxModule: module === null ? null : parseModule(module),
    tdxModuleIdentities: fields.objects('tdxModuleIdentities', MAX_MODULE_IDENTITIES, 'optional').map(parseModuleIdentity),
  };
}

/** Levels of an identity, in the order published. @throws VerificationError of the fields' code */
export function parseIsvLevels(fields: JsonFields): IsvTcbLevel[] {
  return fields.objects('tcbLevels', MAX_LEVELS).map((level) => {
    const isvSvn = level.object('tcb').integer('isvsvn', 0xffff);
    const { status, tcbDate, advisoryIds } = parseJudgement(level);
    return { isvSvn, status, tcbDate, advisoryIds };
  });
}

function parseLevel(fields: JsonFields): TcbLevel {
  const tcb = fields.object('tcb');
  const svns = (key: string): number[] => tcb.integersOf(key, MAX_COMPONENTS, 'svn', 0xff);
  const [sgxComponents, pceSvn, tdxComponents] = [svns('sgxtcbcomponents'), tcb.integer('pcesvn', 0xffff), svns('tdxtcbcomponents')];
  const { status, tcbDate, advisoryIds } = parseJudgement(fields);
  return { sgxComponents, pceSvn, tdxComponents, status, tcbDate, advisoryIds };
}

function parseModuleIdentity(fields: JsonFields): TdxModuleIdentity {
  const id = fields.string('id');
  const { mrSigner, attributes, attributesMask } = parseModule(fields);
  return { id, mrSigner, attributes, attributesMask, tcbLevels: parseIsvLevels(fields) };
}

function parseModule(fields: JsonFields): TdxModule {
  return {
    mrSigner: fields.hex('mrsigner', 48),
    attributes: fields.hex('attributes', 8),
    attributesMask: fields.hex('attributesMask', 8),
  };
}

function parseJudgement(fields: JsonFields): TcbJudgement {
  const tcbDate = fields.timeOrNull('tcbDate');
  const status = fields.string('tcbStatus');
  if (!isTcbStatus(status)) throw fields.refusal('tcbStatus', 'is not a status this verifier knows');
  return { status, tcbDate, advisoryIds: fields.optionalStrings('advisoryIDs', MAX_ADVISORIES) };
}

/** Step 3 of section 6.3; Array.prototype.sort is stable. */
function highestFirst(a: TcbLevel, b: TcbLevel): number {
  return compareLists(b.sgxComponents, a.sgxComponents) || b.pceSvn - a.pceSvn || compareLists(b.tdxComponents, a.tdxComponents);
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

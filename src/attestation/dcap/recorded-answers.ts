import { CollateralError } from '../../errors/collateral-error.js';
import type { CollateralGetter, CollateralRequest, QuoteCollateral } from '../collateral.js';
import { assembleCollateral, isSuccess, pccsTargets, rootCrlLocation } from './pccs-answers.js';
import type { PccsAnswer } from './pccs-answers.js';

const MAX_TEXT_LENGTH = 16 << 20;
const MAX_ANSWERS = 1024;

/**
 * Collateral from HTTP answers that were recorded before, for machines that may not or cannot ask: a JSON list
 * of {"url", "status", "headers": {name: value}, "body_base64"}. The base of each URL does not matter: path and
 * query are matched.
 * @throws CollateralError COLLATERAL_ANSWER_INVALID when the text is not such a list
 */
export function recordedAnswers(text: string): CollateralGetter {
  const recorded = parseRecording(text);
  return { getCollateral: async (request) => collateralFrom(recorded, request) };
}

interface Recorded extends PccsAnswer {
  /** Path and query. */
  readonly target: string;
}

function collateralFrom(recorded: readonly Recorded[], request: CollateralRequest): QuoteCollateral {
  const targets = pccsTargets(request);
  const qeIdentity = lookUp(recorded, targets.qeIdentity);
  return assembleCollateral({
    pckCrl: lookUp(recorded, targets.pckCrl),
    tcbInfo: lookUp(recorded, targets.tcbInfo),
    qeIdentity,
    rootCaCrl: rootCrl(recorded, targets.rootCaCrl, qeIdentity),
  });
}

function rootCrl(recorded: readonly Recorded[], target: string, qeIdentity: PccsAnswer): PccsAnswer {
  const served = recorded.find((answer) => answer.target.endsWith(target) && isSuccess(answer));
  if (served !== undefined) return served;
  const location = rootCrlLocation(qeIdentity);
  return lookUp(recorded, location === null ? target : targetOf(location));
}

function lookUp(recorded: readonly Recorded[], target: string): PccsAnswer {
  const found = recorded.find((answer) => answer.target.endsWith(target));
  if (found === undefined) throw new CollateralError('COLLATERAL_UNAVAILABLE', `no recorded answer for ${target}`);
  return found;
}

function parseRecording(text: string): readonly Recorded[] {
  if (text.length > MAX_TEXT_LENGTH) throw invalid(`${text.length} characters, at most ${MAX_TEXT_LENGTH}`);
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw invalid('not JSON', cause);
  }
  if (!Array.isArray(list) || list.length > MAX_ANSWERS) throw invalid(`not a list of at most ${MAX_ANSWERS} answers`);
  return list.map((entry: unknown, i) => parseEntry(entry, i));
}

function parseEntry(entry: unknown, index: number): Recorded {
  const fields = isRecord(entry) ? entry : {};
  const { url, status, headers, body_base64: body } = fields;
  if (typeof url !== 'string' || !URL.canParse(url)) throw invalid(`[${index}].url is not a URL`);
  if (typeof status !== 'number' || !Number.isInteger(status)) throw invalid(`[${index}].status is not an integer`);
  if (!isRecord(headers) || !Object.values(headers).every((value) => typeof value === 'string')) throw invalid(`[${index}].headers is not a map of texts`);
  if (typeof body !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(body)) throw invalid(`[${index}].body_base64 is not base64`);
  return { target: targetOf(url), status, headers: headers as Record<string, string>, body: Uint8Array.from(Buffer.from(body, 'base64')) };
}

function targetOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(detail: string, cause?: unknown): CollateralError {
  return new CollateralError('COLLATERAL_ANSWER_INVALID', `recorded answers: ${detail}`, { cause });
}

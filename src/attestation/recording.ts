import { CollateralError } from '../errors/collateral-error.js';

/** One recorded HTTP answer. */
export interface RecordedAnswer {
  /** As it was asked. */
  readonly url: string;
  /** Path and query of the URL. */
  readonly target: string;
  readonly status: number;
  /** Names in any case, values as received. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const MAX_TEXT_LENGTH = 16 << 20;
const MAX_ANSWERS = 1024;

/** Of the form that is written. */
const VERSION = 1;

/**
 * Reads HTTP answers that were recorded before: JSON {"version": 1, "answers": [{"url", "status", "headers": {name: value},
 * "body_base64"}]}, or the list alone, at most 16 Mi characters and 1024 answers.
 * @throws CollateralError COLLATERAL_ANSWER_INVALID when the text is no such thing, or of another version
 */
export function parseRecording(text: string): readonly RecordedAnswer[] {
  if (text.length > MAX_TEXT_LENGTH) throw invalid(`${text.length} characters, at most ${MAX_TEXT_LENGTH}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid('not JSON', cause);
  }
  if (isRecord(value) && value['version'] !== VERSION) throw invalid(`not of version ${VERSION}`);
  const list = isRecord(value) ? value['answers'] : value;
  if (!Array.isArray(list) || list.length > MAX_ANSWERS) throw invalid(`not a list of at most ${MAX_ANSWERS} answers`);
  return list.map((entry: unknown, i) => parseEntry(entry, i));
}

function parseEntry(entry: unknown, index: number): RecordedAnswer {
  const fields = isRecord(entry) ? entry : {};
  const { url, status, headers, body_base64: body } = fields;
  if (typeof url !== 'string' || !URL.canParse(url)) throw invalid(`[${index}].url is not a URL`);
  if (typeof status !== 'number' || !Number.isInteger(status)) throw invalid(`[${index}].status is not an integer`);
  if (!isRecord(headers) || !Object.values(headers).every((value) => typeof value === 'string')) throw invalid(`[${index}].headers is not a map of texts`);
  if (typeof body !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(body)) throw invalid(`[${index}].body_base64 is not base64`);
  return { url, target: targetOf(url), status, headers: headers as Record<string, string>, body: Uint8Array.from(Buffer.from(body, 'base64')) };
}

/**
 * Whether a text is meant to be recorded answers rather than one set of collateral, which has neither a list around it nor "answers" in
 * it. Nothing else about it is looked at.
 */
export function isRecordingText(text: string): boolean {
  if (/^\s*\[/.test(text)) return true;
  try {
    const value: unknown = text.length > MAX_TEXT_LENGTH ? null : JSON.parse(text);
    return isRecord(value) && Object.hasOwn(value, 'answers');
  } catch {
    return false;
  }
}

/** The text `parseRecording` reads, an answer a line. */
export function recordingJson(answers: readonly Omit<RecordedAnswer, 'target'>[]): string {
  const lines = answers.map(({ url, status, headers, body }) => JSON.stringify({ url, status, headers, body_base64: Buffer.from(body).toString('base64') }));
  return `{"version": ${VERSION}, "answers": [\n${lines.join(',\n')}\n]}\n`;
}

/** Path and query of an absolute URL. @throws TypeError for any other text */
export function targetOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(detail: string, cause?: unknown): CollateralError {
  return new CollateralError('COLLATERAL_ANSWER_INVALID', `recorded answers: ${detail}`, { cause });
}

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

/**
 * Reads HTTP answers that were recorded before: a JSON list of {"url", "status", "headers": {name: value},
 * "body_base64"}, at most 16 Mi characters and 1024 answers.
 * @throws CollateralError COLLATERAL_ANSWER_INVALID when the text is not such a list
 */
export function parseRecording(text: string): readonly RecordedAnswer[] {
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

function parseEntry(entry: unknown, index: number): RecordedAnswer {
  const fields = isRecord(entry) ? entry : {};
  const { url, status, headers, body_base64: body } = fields;
  if (typeof url !== 'string' || !URL.canParse(url)) throw invalid(`[${index}].url is not a URL`);
  if (typeof status !== 'number' || !Number.isInteger(status)) throw invalid(`[${index}].status is not an integer`);
  if (!isRecord(headers) || !Object.values(headers).every((value) => typeof value === 'string')) throw invalid(`[${index}].headers is not a map of texts`);
  if (typeof body !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(body)) throw invalid(`[${index}].body_base64 is not base64`);
  return { url, target: targetOf(url), status, headers: headers as Record<string, string>, body: Uint8Array.from(Buffer.from(body, 'base64')) };
}

/** The text `parseRecording` reads. */
export function recordingJson(answers: readonly Omit<RecordedAnswer, 'target'>[]): string {
  return JSON.stringify(answers.map(({ url, status, headers, body }) => ({ url, status, headers, body_base64: Buffer.from(body).toString('base64') })));
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

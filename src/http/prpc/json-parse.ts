import { isUtf8 } from 'node:buffer';
import { invalidArgument } from '../../errors/service-error.js';
import type { ServiceError } from '../../errors/service-error.js';
import { readEscape } from './json-escape.js';

/** Containers inside each other; the outermost one counts. */
export const MAX_JSON_DEPTH = 64;

/** Char codes the grammar is made of; -1 stands for the end of the text. */
export const END = -1;
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const COLON = 0x3a;
export const OPEN_LIST = 0x5b;
export const CLOSE_LIST = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;

/** `NUMBER` sticks to its start, so that it can be run at any offset without copying. */
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;

/**
 * A reader over one JSON text that never builds a tree: the schema-driven decoder pulls from it the values
 * it wants and skips the rest. Where JSON.parse would round a 64-bit integer or keep the last of two
 * equal keys, this one does not. Time is linear in the text; depth is bounded by MAX_JSON_DEPTH; the
 * caller bounds the size of the text.
 *
 * Errors are ServiceError INVALID_ARGUMENT with the texts and positions of the parser the existing services
 * use: ` at line L column C`, columns in UTF-8 bytes.
 */
export class JsonReader {
  readonly text: string;
  /** Offset of the next character, UTF-16 units. */
  at = 0;
  #depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Skips white space; the char code that follows, or END. */
  peek(): number {
    const { text } = this;
    for (;;) {
      if (this.at >= text.length) return END;
      const code = text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.at++;
    }
  }

  /** Steps into a container whose opening character is next. */
  enter(): void {
    if (++this.#depth > MAX_JSON_DEPTH) throw this.errorNext('recursion limit exceeded');
    this.at++;
  }

  /** Steps out of a container whose closing character is next. */
  leave(): void {
    this.#depth--;
    this.at++;
  }

  /** Goes to the next key of an object and reads it; null at the end, which is consumed. */
  nextKey(first: boolean): string | null {
    let code = this.peek();
    if (code === CLOSE_OBJECT) {
      this.leave();
      return null;
    }
    if (!first) {
      if (code === END) throw this.error('EOF while parsing an object');
      if (code !== COMMA) throw this.errorNext('expected `,` or `}`');
      this.at++;
      code = this.peek();
    }
    if (code === QUOTE) return this.string();
    if (code === CLOSE_OBJECT) throw this.errorNext('trailing comma');
    if (code === END) throw this.error(first ? 'EOF while parsing an object' : 'EOF while parsing a value');
    throw this.errorNext('key must be a string');
  }

  /** Consumes the colon after a key. */
  colon(): void {
    const code = this.peek();
    if (code === END) throw this.error('EOF while parsing an object');
    if (code !== COLON) throw this.errorNext('expected `:`');
    this.at++;
  }

  /** Goes to the next item of a list; false at its end, which is consumed. */
  nextItem(first: boolean): boolean {
    let code = this.peek();
    if (code === CLOSE_LIST) {
      this.leave();
      return false;
    }
    if (code === END) throw this.error('EOF while parsing a list');
    if (first) return true;
    if (code !== COMMA) throw this.errorNext('expected `,` or `]`');
    this.at++;
    code = this.peek();
    if (code === CLOSE_LIST) throw this.errorNext('trailing comma');
    if (code === END) throw this.error('EOF while parsing a value');
    return true;
  }

  /** Reads a string whose opening quote is next. */
  string(): string {
    const { text } = this;
    const start = ++this.at;
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code === QUOTE) return text.slice(start, this.at++);
      if (code === 0x5c) return this.#stringWithEscapes(start);
      if (!(code >= 0x20)) throw this.#badCharacter();
      this.at++;
    }
  }

  /** Reads the text of a number whose first character is next; `float` unless it is written as an integer. */
  number(): { readonly text: string; readonly float: boolean } {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    const end = this.at + (match?.[0].length ?? 1);
    // A digit, dot or exponent right after the longest number makes the whole malformed: 01, 1., 1e.
    if (match === null || /[\d.eE]/.test(this.text.charAt(end))) {
      const code = end >= this.text.length ? 'EOF while parsing a value' : 'invalid number';
      throw this.errorAt(code, end + 1);
    }
    this.at = end;
    return { text: match[0], float: match[1] !== undefined || match[2] !== undefined };
  }

  /** Reads `true`, `false` or `null`, whose first character is next. */
  word<W extends 'true' | 'false' | 'null'>(word: W): W {
    if (!this.text.startsWith(word, this.at)) {
      let at = this.at;
      while (this.text[at] === word[at - this.at]) at++;
      throw this.errorAt(at >= this.text.length ? 'EOF while parsing a value' : 'expected ident', at + 1);
    }
    this.at += word.length;
    return word;
  }

  /** Reads over one value of any kind. */
  skip(): void {
    const code = this.peek();
    if (code === QUOTE) this.string();
    else if (code === OPEN_OBJECT) {
      this.enter();
      for (let first = true; this.nextKey(first) !== null; first = false) {
        this.colon();
        this.skip();
      }
    } else if (code === OPEN_LIST) {
      this.enter();
      for (let first = true; this.nextItem(first); first = false) this.skip();
    } else this.#skipScalar(code);
  }

  /** Nothing but white space may follow. */
  finish(): void {
    if (this.peek() !== END) throw this.errorNext('trailing characters');
  }

  /** No value begins here. */
  noValue(): ServiceError {
    if (this.at >= this.text.length) return this.error('EOF while parsing a value');
    return this.errorNext('expected value');
  }

  /** An error at the current offset: the text up to there has been read. */
  error(message: string): ServiceError {
    return this.errorAt(message, this.at);
  }

  /** An error about the next character; one of its bytes counts as read. */
  errorNext(message: string): ServiceError {
    return this.errorAt(message, this.at, 1);
  }

  /** An error about the value just read, reported where the existing parser notices: after the end of its container if that follows. */
  errorAfterValue(message: string): ServiceError {
    const code = this.peek();
    if (code === CLOSE_OBJECT || code === CLOSE_LIST) this.at++;
    return this.error(message);
  }

  /** An error after `count` UTF-16 units of the text and `more` bytes. */
  errorAt(message: string, count: number, more = 0): ServiceError {
    let line = 1;
    let lineStart = 0;
    for (let end = this.text.indexOf('\n'); end >= 0 && end < count; end = this.text.indexOf('\n', lineStart)) {
      line++;
      lineStart = end + 1;
    }
    const column = Buffer.byteLength(this.text.slice(lineStart, count), 'utf8') + more;
    return invalidArgument(`${message} at line ${line} column ${column}`);
  }

  #skipScalar(code: number): void {
    if (code === 0x74) this.word('true');
    else if (code === 0x66) this.word('false');
    else if (code === 0x6e) this.word('null');
    else if (isNumberStart(code)) this.number();
    else throw this.noValue();
  }

  #stringWithEscapes(start: number): string {
    const { text } = this;
    let value = '';
    let from = start;
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code === QUOTE) return value + text.slice(from, this.at++);
      if (code === 0x5c) {
        value += text.slice(from, this.at);
        const escape = readEscape(text, this.at);
        if ('fault' in escape) throw this.errorAt(escape.fault, escape.end);
        value += escape.value;
        from = this.at = escape.end;
      } else if (code >= 0x20) this.at++;
      else throw this.#badCharacter();
    }
  }

  #badCharacter(): ServiceError {
    if (this.at >= this.text.length) return this.error('EOF while parsing a string');
    return this.errorNext('control character (\\u0000-\\u001F) found while parsing a string');
  }
}

/** Whether a number begins with this char code. */
export function isNumberStart(code: number): boolean {
  return code === MINUS || (code >= 0x30 && code <= 0x39);
}

/** The text of a body. A byte order mark stays, to be refused by the grammar. Throws INVALID_ARGUMENT when it is not UTF-8. */
export function utf8Text(body: Uint8Array): string {
  if (!isUtf8(body)) throw invalidArgument('invalid unicode code point: the body is not UTF-8');
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
}

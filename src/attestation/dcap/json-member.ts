/**
 * The text of member `key` of the object `json` is, without insignificant white space but otherwise as it
 * stands: no number, escape or key order is rewritten, so what was signed stays what was signed (trap T16).
 * @param json valid JSON text (the caller has parsed it)
 * @returns null when `json` is not an object, or has no such member or more than one
 */
export function jsonMemberText(json: string, key: string): string | null {
  const compact = withoutWhitespace(json);
  if (!compact.startsWith('{')) return null;
  let found: string | null = null;
  for (let at = 1; at < compact.length && compact[at] === '"'; ) {
    const nameEnd = stringEnd(compact, at);
    const valueEnd = valueEndAfter(compact, nameEnd + 1);
    if (JSON.parse(compact.slice(at, nameEnd)) === key) {
      if (found !== null) return null;
      found = compact.slice(nameEnd + 1, valueEnd);
    }
    at = valueEnd + 1;
  }
  return found;
}

function withoutWhitespace(json: string): string {
  let compact = '';
  for (let at = 0; at < json.length; ) {
    const character = json.charAt(at);
    const end = character === '"' ? stringEnd(json, at) : at + 1;
    if (!' \t\r\n'.includes(character)) compact += json.slice(at, end);
    at = end;
  }
  return compact;
}

/** Index after the string literal that starts at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** Index of the comma or bracket that ends the value starting at `start`. */
function valueEndAfter(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const character = text[at];
    if (character === '"') {
      at = stringEnd(text, at);
      continue;
    }
    if (character === '{' || character === '[') depth++;
    else if (depth === 0 && (character === ',' || character === '}')) return at;
    else if (character === '}' || character === ']') depth--;
    at++;
  }
  return at;
}

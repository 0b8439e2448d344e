import { ConfigError } from '../errors/config-error.js';

/** Tables deeper than this do not occur. */
const MAX_DEPTH = 8;

/**
 * Later document over earlier one, table by table; lists and scalars are replaced whole.
 * @throws ConfigError CONFIG_MALFORMED when a document is not a table or nests too deep
 */
export function mergeDocuments(earlier: unknown, later: unknown): Record<string, unknown> {
  if (!isTable(earlier) || !isTable(later)) throw new ConfigError('CONFIG_MALFORMED', 'configuration is not a table');
  return mergeTables(earlier, later, 0);
}

function mergeTables(earlier: Record<string, unknown>, later: Record<string, unknown>, depth: number): Record<string, unknown> {
  if (depth > MAX_DEPTH) throw new ConfigError('CONFIG_MALFORMED', `configuration nests deeper than ${MAX_DEPTH} tables`);
  const merged = { ...earlier };
  if (Object.hasOwn(later, '__proto__')) throw new ConfigError('CONFIG_MALFORMED', 'configuration has a __proto__ key');
  for (const [key, value] of Object.entries(later)) {
    const before = merged[key];
    merged[key] = isTable(before) && isTable(value) ? mergeTables(before, value, depth + 1) : value;
  }
  return merged;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

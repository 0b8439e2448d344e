/** How an operation of the device ended. */
export type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** Never rejects. */
export async function outcomeOf(task: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { ok: true, value: await task() };
  } catch (error) {
    return { ok: false, error };
  }
}

/** Somebody who waits for it. */
export interface Awaiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The first caller gets what the device gave, the others copies of it. */
export function settle(callers: ReadonlySet<Awaiting>, outcome: Outcome): void {
  let first = true;
  for (const caller of callers) {
    if (outcome.ok) caller.resolve(first ? outcome.value : copyOf(outcome.value));
    else caller.reject(outcome.error);
    first = false;
  }
}

/** Of evidence: bytes, lists, objects and what cannot be changed anyway. */
function copyOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copyOf(member)]));
}

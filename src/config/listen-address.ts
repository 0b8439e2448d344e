import { isIP } from 'node:net';
import { z } from 'zod';

/** Where a listener binds (spec/guest-agent.md section 2). */
export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string }
  | { readonly kind: 'vsock'; readonly cid: number };

export interface Listener {
  readonly address: ListenAddress;
  /** null for unix sockets, and where the address has no default. */
  readonly port: number | null;
  /** Permission bits of a unix socket: whoever may connect may use the API. */
  readonly mode: number;
}

/**
 * `unix:<path>`, an IP address, or `vsock:<cid>` (decimal or 0x hex).
 * @throws RangeError for anything else
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:') && text.length > 5) return { kind: 'unix', path: text.slice(5) };
  if (isIP(text) !== 0) return { kind: 'tcp', host: text };
  const cid = /^vsock:(0x[0-9a-f]{1,8}|[0-9]{1,10})$/i.exec(text)?.[1];
  if (cid !== undefined && Number(cid) <= 0xffff_ffff) return { kind: 'vsock', cid: Number(cid) };
  throw new RangeError('must be unix:<path>, an IP address or vsock:<cid>');
}

const address = z.string().transform((text, context): ListenAddress => {
  try {
    return parseListenAddress(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'is not an address' });
    return z.NEVER;
  }
});

/** Octal text, as chmod takes it, so that TOML's decimal integers cannot be mistaken for it. */
const mode = z
  .string()
  .regex(/^0?[0-7]{3}$/, 'must be octal text such as "0660"')
  .transform((text) => Number.parseInt(text, 8));

/** Schema of one listener's table; `more` are the keys that only some listeners have. */
export function listenerSchema<T extends z.ZodRawShape>(more: T) {
  return z.strictObject({
    enabled: z.boolean().default(true),
    address: address.optional(),
    port: z.number().int().min(0).max(0xffff_ffff).optional(),
    /** 0777 as the existing socket unit has it: the container runtime decides who sees the socket. */
    mode: mode.prefault('0777'),
    // Socket reuse is the default of every listener here; the key is accepted for existing files.
    reuse: z.boolean().optional(),
    ...more,
  });
}

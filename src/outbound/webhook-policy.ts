import { request } from 'undici';
import { z } from 'zod';
import { type BootInfo, bootInfoJson } from '../attestation/evidence/boot-info.js';
import { PolicyError } from '../errors/policy-error.js';
import type { AppAuthorizer, Authorization } from '../kms/app-authorizer.js';
import { boundedText } from './bounded-body.js';

const MAX_ANSWER_BYTES = 64 * 1024;
/** Characters of a bad answer that are kept for the log. */
const MAX_QUOTED = 512;
const DEFAULT_TIMEOUT_MS = 10_000;

const decision = z.object({ isAllowed: z.boolean(), gatewayAppId: z.string(), reason: z.string() });
const about = z.object({
  status: z.string(),
  kmsContractAddr: z.string(),
  gatewayAppId: z.string(),
  chainId: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  appImplementation: z.string(),
  ethRpcUrl: z.string().nullish(),
});

export interface WebhookOptions {
  /** `core.auth_api.webhook.url`. */
  readonly url: string;
  /** For the User-Agent header. */
  readonly version: string;
  /** Milliseconds for a whole exchange (default 10 s). */
  readonly timeoutMs?: number;
}

/** The policy behind an auth API (spec/kms.md section 15): no retries, no redirects, nothing remembered, every doubt a no. */
export function createWebhookPolicy({ url, version, timeoutMs = DEFAULT_TIMEOUT_MS }: WebhookOptions): AppAuthorizer {
  const exchange = createExchange(version, timeoutMs);
  const base = url.endsWith('/') ? url : `${url}/`;
  const decide = async (path: string, info: BootInfo): Promise<Authorization> => {
    const { isAllowed, gatewayAppId, reason } = await exchange(`${base}${path}`, JSON.stringify(bootInfoJson(info)), decision);
    if (!isAllowed) throw new PolicyError('NOT_REGISTERED', reason);
    return { gatewayAppId };
  };
  return {
    development: false,
    authorizeApp: (info) => decide('bootAuth/app', info),
    authorizeKms: (info) => decide('bootAuth/kms', info),
    async info() {
      const answer = await exchange(url, null, about);
      return {
        gatewayAppId: answer.gatewayAppId,
        kmsContractAddress: answer.kmsContractAddr,
        chainId: BigInt(answer.chainId),
        appImplementation: answer.appImplementation,
        ethRpcUrl: answer.ethRpcUrl || null,
      };
    },
  };
}

type Exchange = <T>(url: string, body: string | null, schema: z.ZodType<T>) => Promise<T>;

function createExchange(version: string, timeoutMs: number): Exchange {
  const common = { 'user-agent': `dstack-kms/${version}`, accept: '*/*' };
  return async (url, body, schema) => {
    const { status, text } = await fetchText(url, {
      method: body === null ? 'GET' : 'POST',
      headers: body === null ? common : { ...common, 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    // `slice` counts UTF-16 units, so it can end in half a character but never fail.
    const quoted = text.slice(0, MAX_QUOTED);
    if (status < 200 || status > 299) throw new PolicyError('BACKEND_UNAVAILABLE', `auth api ${url} returned ${status}: ${quoted}`);
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new PolicyError('BACKEND_ANSWER_INVALID', `failed to decode response from ${url}, status=${status}, body=${quoted}`, { cause: parsed.error });
  };
}

async function fetchText(url: string, options: NonNullable<Parameters<typeof request>[1]>): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const { statusCode, body } = await request(url, options);
    return { status: statusCode, text: await boundedText(body, MAX_ANSWER_BYTES) };
  } catch (cause) {
    throw new PolicyError('BACKEND_UNAVAILABLE', `error sending request for url (${url})`, { cause });
  }
}

/** undefined fits no schema. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

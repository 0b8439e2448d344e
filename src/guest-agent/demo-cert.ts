import type { TlsKeys } from './tls-key.js';

/** The certificate Info shows as `app_cert` (spec/guest-agent.md section 6.5). */
export interface DemoCertificate {
  /** PEM chain joined by line feeds; "" until it was issued. Asking while there is none starts another attempt. */
  current(): string;
  /** Settles when the attempt in progress, or a new one, ended. Never rejects. */
  request(): Promise<void>;
}

export interface DemoCertificateOptions {
  readonly tlsKeys: TlsKeys;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

/** Milliseconds between two attempts that callers of Info set off: each may cost a quote and a call to the KMS. */
const RETRY_MS = 5_000;

export function createDemoCertificate({ tlsKeys, now, onError }: DemoCertificateOptions): DemoCertificate {
  let chain = '';
  let running: Promise<void> | null = null;
  let lastAt = Number.NEGATIVE_INFINITY;
  const attempt = async (): Promise<void> => {
    try {
      chain = (await tlsKeys.fresh(DEMO)).certificateChain.join('\n');
    } catch (error) {
      onError(error);
    } finally {
      running = null;
    }
  };
  const request = (): Promise<void> => {
    if (chain !== '') return Promise.resolve();
    if (running === null) {
      lastAt = now();
      running = attempt();
    }
    return running;
  };
  return {
    current() {
      if (chain === '' && now() - lastAt >= RETRY_MS) void request();
      return chain;
    },
    request,
  };
}

const DEMO = {
  subject: 'demo-cert',
  altNames: [],
  serverAuth: false,
  clientAuth: true,
  embedQuote: true,
  embedAppInfo: false,
  notBefore: null,
  notAfter: null,
} as const;

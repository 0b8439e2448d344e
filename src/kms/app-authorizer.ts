import type { BootInfo } from '../attestation/evidence/boot-info.js';

/** What the policy adds to a yes. */
export interface Authorization {
  /** The gateway application id handed to applications; "" or "any" where there is none. */
  readonly gatewayAppId: string;
}

/** What the policy says about itself (spec/kms.md sections 13.4 and 15); null where it has no such thing. */
export interface AuthorizerInfo {
  readonly gatewayAppId: string | null;
  readonly kmsContractAddress: string | null;
  readonly chainId: bigint | null;
  readonly appImplementation: string | null;
  readonly ethRpcUrl: string | null;
}

/**
 * Port: may this measurement have keys? Every method throws unless the answer is a clear yes:
 * PolicyError NOT_REGISTERED (a clear no), PolicyError BACKEND_… (no answer), AppraisalError (unacceptable TCB).
 * The message of a clear no is the bare reason; callers put their context before it.
 */
export interface AppAuthorizer {
  /** True only for development mode, where everything genuine is allowed; published in GetMeta. */
  readonly development: boolean;
  authorizeApp(bootInfo: BootInfo): Promise<Authorization>;
  authorizeKms(bootInfo: BootInfo): Promise<Authorization>;
  info(): Promise<AuthorizerInfo>;
}

/** Port: which key names exist. By default any well-formed name does (spec/api.md section 2.1). */
export interface KeyNames {
  /** Whether key `name` of the application (20 bytes, lower-case hex) may be derived. @throws PolicyError BACKEND_… */
  exists(appId: string, name: string): Promise<boolean>;
}

/** Every well-formed name exists. */
export const ANY_KEY_NAME: KeyNames = { exists: async () => true };

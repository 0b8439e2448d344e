import { parseJsonDocument } from './json-document.js';

/** Bytes; what the boot flow accepts (spec/guest-agent.md section 13). */
export const MAX_SYS_CONFIG_BYTES = 32 * 1024;

/** What the agent needs of `.sys-config.json`, written by the host and trusted for nothing but reachability. */
export interface SysConfig {
  /** Base URLs without `/prpc`, tried in order. */
  readonly kmsUrls: readonly string[];
  /** JSON text passed through verbatim: its claims are checked against measurements by whoever verifies. */
  readonly vmConfig: string;
  /** The document an SEV-SNP guest's HOST_DATA stands for; "" when the host gave none. */
  readonly mrConfig: string;
}

/**
 * Reads `.sys-config.json` (spec/guest-agent.md section 3.3).
 * @throws ConfigError CONFIG_MALFORMED or CONFIG_INVALID naming the key
 */
export function parseSysConfig(text: string): SysConfig {
  const file = parseJsonDocument(text, 'system configuration');
  const vmConfig = file.text('vm_config');
  return { kmsUrls: file.texts('kms_urls'), vmConfig, mrConfig: file.text('mr_config', '') || mrConfigWithin(vmConfig) };
}

/** Where the file itself has none, `mr_config` of the VM configuration counts (spec/attestation.md appendix A.2). */
function mrConfigWithin(vmConfig: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(vmConfig);
  } catch {
    return '';
  }
  const found = typeof parsed === 'object' && parsed !== null && 'mr_config' in parsed ? parsed.mr_config : '';
  return typeof found === 'string' ? found : '';
}

import type { CollateralGetter } from '../attestation/collateral.js';
import { parseCollateralJson } from '../attestation/dcap/collateral-format.js';
import { recordedAnswers } from '../attestation/dcap/recorded-answers.js';
import { type AttestationVerifier, createAttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import { vendorRoots } from '../attestation/roots/vendor-roots.js';
import type { TrustRoots } from '../attestation/trust-roots.js';
import type { AgentCore } from '../config/agent-config.js';
import { readBounded } from '../config/load-file.js';
import { messageChain } from '../errors/base.js';
import { cacheCollateral } from '../outbound/collateral-cache.js';
import { createPccs, DEFAULT_PCCS_URL } from '../outbound/pccs.js';
import type { Log } from './log.js';
import { readRoot } from './verify/roots.js';

const MAX_ROOT_BYTES = 64 * 1024;
const MAX_COLLATERAL_BYTES = 4 * 1024 * 1024;
const COLLATERAL_REFRESH_SECONDS = 6 * 3600;

/**
 * What the agent judges the KMS's evidence with: vendor anchors, unless others were configured next to
 * `insecure_allow_external_trust_anchors`.
 * @param ownCollateral of a development platform, whose machines all have the same; null on devices
 * @param clock unix seconds
 * @throws ConfigError, VerifyInputError for files that cannot be read
 */
export function createAgentVerifier(core: AgentCore, ownCollateral: CollateralGetter | null, clock: () => number, log: Log): AttestationVerifier {
  return createAttestationVerifier({ roots: trustRoots(core), collateral: collateralOf(core, ownCollateral, clock, log), clock });
}

function trustRoots({ rootCa }: AgentCore): TrustRoots {
  const vendor = vendorRoots();
  const from = (path: string | null, usual: Uint8Array): Uint8Array => (path === null ? usual : readRoot(readBounded(path, MAX_ROOT_BYTES), path).raw);
  return { tdx: from(rootCa.tdx, vendor.tdx), nitroEnclave: from(rootCa.awsNitroEnclave, vendor.nitroEnclave) };
}

function collateralOf({ collateralFile, pccsUrls }: AgentCore, own: CollateralGetter | null, clock: () => number, log: Log): CollateralGetter {
  if (collateralFile !== null) return collateralFromFile(collateralFile);
  if (own !== null) return own;
  return cacheCollateral(createPccs({ urls: pccsUrls.length === 0 ? [DEFAULT_PCCS_URL] : pccsUrls }), {
    clock,
    refreshSeconds: COLLATERAL_REFRESH_SECONDS,
    onRefreshFailure: (error) => log.warn({ error: messageChain(error) }, 'collateral is not refreshed'),
  });
}

/** One QuoteCollateralV3 object, or a list of recorded HTTP answers. */
function collateralFromFile(path: string): CollateralGetter {
  const text = readBounded(path, MAX_COLLATERAL_BYTES).toString('utf8');
  if (text.trimStart().startsWith('[')) return recordedAnswers(text);
  const collateral = parseCollateralJson(text);
  return { getCollateral: () => Promise.resolve(collateral) };
}

import { CollateralError } from '../errors/collateral-error.js';
import { type CertificateFetcher, isOfKeyService, MAX_PUBLISHED_BYTES } from './certificate-fetcher.js';
import { parseRecording, targetOf } from './recording.js';

/**
 * Certificates and revocation lists from HTTP answers that were recorded before. Those named by certificates are found by the
 * very URL, those of AMD's service by path and query, whichever host was asked. Nothing is asked of any host, so every URL
 * is allowed.
 * @throws CollateralError COLLATERAL_ANSWER_INVALID when the text is no recording
 */
export function recordedCertificates(text: string): CertificateFetcher {
  const recorded = parseRecording(text);
  return {
    allows: () => true,
    async fetch(url, kind) {
      const found = recorded.find(isOfKeyService(kind) ? (answer): boolean => answer.target === targetOf(url) : (answer): boolean => answer.url === url);
      if (found === undefined) throw new CollateralError('COLLATERAL_UNAVAILABLE', `no recorded answer for ${url}`);
      if (found.status !== 200) throw new CollateralError('COLLATERAL_UNAVAILABLE', `the recorded answer for ${url} has status ${found.status}`);
      if (found.body.length > MAX_PUBLISHED_BYTES[kind]) throw new CollateralError('COLLATERAL_ANSWER_INVALID', `the recorded answer for ${url} is larger than ${MAX_PUBLISHED_BYTES[kind]} bytes`);
      return found.body;
    },
  };
}

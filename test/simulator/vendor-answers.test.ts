import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEvidenceSources, type EvidenceSources } from '../../src/app/evidence-sources.js';
import { SILENT } from '../../src/app/log.js';
import type { Attestation } from '../../src/attestation/evidence/attestation.js';
import type { EvidenceSource } from '../../src/attestation/evidence/evidence-source.js';
import type { VerifiedAttestation } from '../../src/attestation/evidence/verified.js';
import { VerifierCache } from '../../src/attestation/evidence/verifier-cache.js';
import { verifyAttestation } from '../../src/attestation/evidence/verify.js';
import { parseRecording, recordingJson, targetOf } from '../../src/attestation/recording.js';
import type { TrustRoots } from '../../src/attestation/trust-roots.js';
import { developmentGcpImage } from '../../src/simulator/gcp-image.js';
import { createDevelopmentGcpTdx } from '../../src/simulator/gcp-tdx-platform.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { createDevelopmentSnp } from '../../src/simulator/snp-platform.js';
import { createDevelopmentTdx } from '../../src/simulator/tdx-platform.js';
import { vendorAnswers } from '../../src/simulator/vendor-answers.js';
import { type FakeServer, startFakeServer } from '../outbound/support/http-fake.js';
import { app, clock, imageHash, NOW, reportData, seed } from './development.js';

/** One server that answers like Intel's, Google's and AMD's. */
let vendors: FakeServer;
let machines: readonly EvidenceSource[];
let roots: TrustRoots;
const opened: EvidenceSources[] = [];

beforeAll(async () => {
  vendors = await startFakeServer();
  const answers = vendorAnswers(seed, { now: NOW, publishedAt: vendors.url });
  vendors.respond = ({ url = '' }, response) => {
    const found = answers.find(({ target }) => target === url);
    response.writeHead(found?.status ?? 404, found?.headers ?? {}).end(found?.body);
  };
  const gcp = createDevelopmentGcpTdx({ seed, clock, app, imageHash, vmConfig: null, ukiDigest: developmentGcpImage(imageHash).ukiDigest, publishedAt: vendors.url });
  roots = { ...developmentRoots(seed), gcpTpm: gcp.roots[1] };
  machines = [gcp, createDevelopmentSnp({ seed, app, imageHash, vmConfig: null }), createDevelopmentTdx({ seed, clock, app, imageHash, vmConfig: null })];
});

afterAll(async () => {
  vendors.close();
  await Promise.all(opened.map((sources) => sources.close()));
});

/** As a KMS has it that is configured with these places. */
function sourcesOf(certificateHosts: readonly string[]): EvidenceSources {
  const places = { collateralFile: null, pccsUrls: [vendors.url], collateralCache: { directory: null, maxAgeSeconds: null, refreshSeconds: 21_600 }, certificateHosts };
  const sources = createEvidenceSources(places, { roots, clock, log: SILENT });
  opened.push(sources);
  return sources;
}

function verify(attestation: Attestation, { collateral, certificates }: EvidenceSources): Promise<VerifiedAttestation> {
  return verifyAttestation(attestation, { now: NOW, roots, collateral, certificates, amdKdsUrl: `${vendors.url}/vcek/v1`, cache: new VerifierCache() });
}

describe('what the vendors answer about development machines', () => {
  it('is all a verifier looks up over HTTP', async () => {
    const sources = sourcesOf([new URL(vendors.url).host]);
    for (const machine of machines) await expect(verify(await machine.attest(reportData), sources)).resolves.toMatchObject({ variant: machine.variant, tcbStatus: 'UpToDate' });
    const asked = new Set(vendors.asked.map((target) => target.split('?')[0]));
    for (const path of ['/tdx/certification/v4/tcb', '/sgx/certification/v4/rootcacrl', '/aia/intermediate.der', '/crl/root.crl', '/crl/intermediate.crl', '/vcek/v1/Genoa/cert_chain']) expect(asked).toContain(path);
  });

  it('is asked of configured hosts only', async () => {
    const [gcp] = machines;
    const attestation = await gcp?.attest(reportData);
    if (attestation === undefined) throw new Error('no machine');
    vendors.asked.length = 0;
    await expect(verify(attestation, sourcesOf(['*.storage.googleapis.com']))).rejects.toMatchObject({ name: 'VerificationError', code: 'TPM_AK_URL_REFUSED' });
    expect(vendors.asked.filter((target) => target.startsWith('/aia'))).toEqual([]);
  });

  it('reads back from the text of a file, each under a name that never resolves', () => {
    const answers = vendorAnswers(seed, { now: NOW });
    expect(parseRecording(recordingJson(answers))).toEqual(answers.map((answer) => ({ ...answer, body: Uint8Array.from(answer.body) })));
    for (const { url, target } of answers) {
      expect(new URL(url).hostname).toMatch(/\.development\.invalid$/);
      expect(targetOf(url)).toBe(target);
    }
  });
});

import { recordedAnswers } from '../../../src/attestation/dcap/recorded-answers.js';
import type { AppInfo } from '../../../src/attestation/evidence/app-info.js';
import { recordedCertificates } from '../../../src/attestation/recorded-certificates.js';
import type { TrustRoots } from '../../../src/attestation/trust-roots.js';
import { parsePemChain } from '../../../src/x509/pem.js';
import { hex, vectorJson, vectorText } from '../vectors.js';

export interface IndexedAppInfo {
  readonly app_id: string;
  readonly compose_hash: string;
  readonly instance_id: string;
  readonly device_id: string;
  readonly mr_system: string;
  readonly mr_aggregated: string;
  readonly os_image_hash: string;
  readonly key_provider_info: string;
  readonly init_script_hashes: readonly string[] | null;
}

export interface EvidenceCase {
  readonly file: string;
  readonly expected: 'accepted' | 'refused';
  readonly app_info?: IndexedAppInfo;
  readonly app_info_boottime?: IndexedAppInfo;
}

export const evidenceIndex = vectorJson<{ made_at: number; report_data: string; cases: EvidenceCase[] }>('evidence/index.json');

function root(name: string): Uint8Array {
  const [der] = parsePemChain(vectorText(`evidence/roots/${name}.pem`), 1);
  if (der === undefined) throw new Error('no root');
  return der;
}

export const evidenceRoots: TrustRoots = { tdx: root('tdx'), nitroEnclave: root('nsm'), gcpTpm: root('tpm'), sevSnp: { Genoa: null, Milan: root('sev-snp'), Turin: null } };
export const evidenceCertificates = () => recordedCertificates(vectorText('evidence/collateral.json'));
export const evidenceCollateral = () => recordedAnswers(vectorText('evidence/collateral.json'));

/** AppInfo in the spelling of index.json. */
export function indexed(info: AppInfo): IndexedAppInfo {
  return {
    app_id: hex(info.appId),
    compose_hash: hex(info.composeHash),
    instance_id: hex(info.instanceId),
    device_id: hex(info.deviceId),
    mr_system: hex(info.mrSystem),
    mr_aggregated: hex(info.mrAggregated),
    os_image_hash: hex(info.osImageHash),
    key_provider_info: hex(info.keyProviderInfo),
    init_script_hashes: info.initScriptHashes === null ? null : info.initScriptHashes.map(hex),
  };
}

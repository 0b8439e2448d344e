import { describe, expect, it } from 'vitest';
import { STRICT_POLICY } from '../../src/attestation/appraisal/policy.js';
import { parseKmsConfig } from '../../src/config/kms-config.js';

const invalid = (value: unknown, key: string): void => {
  expect(() => parseKmsConfig(value, 'kms.toml')).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(key) }));
};

describe('KMS configuration', () => {
  it('has the documented defaults, every one of them the safe choice', () => {
    expect(parseKmsConfig({}, 'built-in')).toEqual({
      rpc: { address: '0.0.0.0', port: 8000 },
      onboard: { enabled: true, autoBootstrapDomain: '', address: '0.0.0.0', port: 8000 },
      certDir: '/etc/kms/certs',
      siteName: '',
      enforceSelfAuthorization: true,
      attestRpcCert: true,
      image: { verify: true, knownMeasurements: null, gcpFirmware: ['0cca9ec161b09288802e5a112255d21340ed5b797f5fe29cecccfd8f67b9f802'] },
      requireSessionBinding: false,
      sevSnpKeyRelease: false,
      metricsEnabled: true,
      authApi: { type: 'webhook', url: 'http://auth-api:8000' },
      attestation: {
        insecureAllowExternalTrustAnchors: false,
        pccsUrls: [],
        collateralFile: null,
        collateralCache: { directory: null, maxAgeSeconds: null, refreshSeconds: 21_600 },
        rootCa: { tdx: null, awsNitroEnclave: null, gcpTpm: null, sevSnpMilan: null, sevSnpGenoa: null, sevSnpTurin: null },
        amdKdsUrl: 'https://kdsintf.amd.com/vcek/v1',
        certificateHosts: ['*.storage.googleapis.com'],
      },
      appraisal: STRICT_POLICY,
      evidence: { source: 'agent', address: null },
      evidenceQueue: { maxCallers: 64, maxCallersPerPeer: 32, waitMs: 120_000 },
      callerEvidenceMaxAgeSeconds: 600,
    });
  });

  it('understands a file written for the existing KMS', () => {
    const config = parseKmsConfig(
      {
        default: { workers: 8, ident: 'DStack KMS' },
        rpc: { address: '0.0.0.0', port: 12001, tls: { key: '/k/rpc.key', certs: '/k/rpc.crt', mutual: { ca_certs: '/k/tmp-ca.crt', mandatory: false } } },
        core: {
          cert_dir: '/k',
          subject_postfix: '.dstack',
          image: { verify: true, cache_dir: '/images', download_url: 'http://localhost:8000/{OS_IMAGE_HASH}.tar.gz', download_timeout: '2m' },
          auth_api: { type: 'webhook', webhook: { url: 'http://auth:8000' } },
          onboard: { enabled: true, auto_bootstrap_domain: '', address: '0.0.0.0', port: 12001 },
          admin: { enabled: false },
        },
      },
      'kms.toml',
    );
    expect(config).toMatchObject({ rpc: { port: 12001 }, certDir: '/k', authApi: { type: 'webhook', url: 'http://auth:8000' } });
  });

  it('appraises as core.appraisal says, and never lets a revoked platform or a debug mode through', () => {
    const of = (appraisal: object) => parseKmsConfig({ core: { appraisal } }, 'x').appraisal;
    const device = `0x${'AB'.repeat(32)}`;
    expect(of({ accepted_tcb_statuses: 'any', tcb_grace_period: 86_400, accepted_advisory_ids: ['INTEL-SA-00615'], minimum_tcb_evaluation_number: 17, measurements: { device_id: [device] } })).toEqual({
      acceptedTcbStatuses: ['UpToDate', 'SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'],
      tcbGraceSeconds: 86_400,
      acceptedAdvisoryIds: ['INTEL-SA-00615'],
      minimumTcbEvaluationNumber: 17,
      measurements: { ...STRICT_POLICY.measurements, deviceId: ['ab'.repeat(32)] },
      insecureAllowDebug: false,
    });
    invalid({ core: { appraisal: { accepted_tcb_statuses: ['Revoked'] } } }, 'accepted_tcb_statuses');
    invalid({ core: { appraisal: { accepted_tcb_statuses: ['uptodate'] } } }, 'accepted_tcb_statuses');
    invalid({ core: { appraisal: { insecure_allow_debug: true } } }, 'insecure_allow_debug');
    invalid({ core: { appraisal: { measurements: { mr_system: ['00'] } } } }, 'mr_system');
    invalid({ core: { appraisal: { tcb_grace_period: -1 } } }, 'tcb_grace_period');
  });

  it('bounds the queue before its evidence as core.evidence_queue says', () => {
    const of = (queue: object) => parseKmsConfig({ core: { evidence_queue: queue } }, 'x').evidenceQueue;
    expect(of({ max_callers: 200, max_callers_per_peer: 100, max_wait: 5 })).toEqual({ maxCallers: 200, maxCallersPerPeer: 100, waitMs: 5_000 });
    expect(of({ max_callers: 10 })).toEqual({ maxCallers: 10, maxCallersPerPeer: 10, waitMs: 120_000 });
    for (const [key, wrong] of [['max_callers', 0], ['max_callers', 4_097], ['max_callers', 1.5], ['max_callers_per_peer', 65], ['max_callers_per_peer', 0], ['max_wait', 0], ['max_wait', 3_601], ['waitMs', 1]] as const) {
      invalid({ core: { evidence_queue: { [key]: wrong } } }, key);
    }
  });

  it('keeps collateral as core.attestation says', () => {
    const of = (attestation: object) => parseKmsConfig({ core: { attestation } }, 'x').attestation.collateralCache;
    expect(of({ collateral_cache_dir: '/var/cache/dstack', collateral_max_age: 86_400, collateral_refresh: 600 })).toEqual({ directory: '/var/cache/dstack', maxAgeSeconds: 86_400, refreshSeconds: 600 });
    invalid({ core: { attestation: { collateral_max_age: 60 } } }, 'collateral_max_age');
    invalid({ core: { attestation: { collateral_refresh: 0 } } }, 'collateral_refresh');
    invalid({ core: { attestation: { collateral_cache_dir: '' } } }, 'collateral_cache_dir');
  });

  it('knows SEV-SNP by roots, key service and a gate of its own, GCP by its firmware', () => {
    const rootCa = { sev_snp_milan: '/m.pem', sev_snp_genoa: '/g.pem', sev_snp_turin: '/t.pem' };
    const attestation = { insecure_allow_external_trust_anchors: true, root_ca: rootCa, urls: { amd_kds: ' http://kds:8080/vcek/v1 ' } };
    const config = parseKmsConfig({ core: { sev_snp_key_release: true, image: { gcp_pcr0: [`0x${'AB'.repeat(32)}`] }, attestation } }, 'x');
    expect(config.sevSnpKeyRelease).toBe(true);
    expect(config.image.gcpFirmware).toEqual(['ab'.repeat(32)]);
    expect(config.attestation).toMatchObject({ amdKdsUrl: 'http://kds:8080/vcek/v1', rootCa: { sevSnpMilan: '/m.pem', sevSnpGenoa: '/g.pem', sevSnpTurin: '/t.pem' } });
    expect(parseKmsConfig({ core: { attestation: { urls: { amd_kds: '' } } } }, 'x').attestation.amdKdsUrl).toBe('https://kdsintf.amd.com/vcek/v1');
  });

  it('lets DSTACK_AGENT_ADDRESS name the guest agent', () => {
    expect(parseKmsConfig({}, 'x', { DSTACK_AGENT_ADDRESS: 'unix:/a.sock' }).evidence).toEqual({ source: 'agent', address: 'unix:/a.sock' });
  });

  it('refuses unknown keys, contradictions and what this release cannot do, by name', () => {
    invalid({ core: { enforce_self_authorisation: false } }, 'enforce_self_authorisation');
    invalid({ core: { attestation: { root_ca: { tdx: '/r.pem' } } } }, 'insecure_allow_external_trust_anchors');
    invalid({ core: { attestation: { root_ca: { intel: '/r.pem' } } } }, 'intel');
    invalid({ core: { admin: { enabled: true } } }, 'core.admin.enabled');
    invalid({ core: { attestation: { root_ca: { sev_snp_milan: '/r.pem' } } } }, 'insecure_allow_external_trust_anchors');
    invalid({ core: { attestation: { urls: { amd_kds: 'ftp://kds' } } } }, 'core.attestation.urls.amd_kds');
    invalid({ core: { image: { gcp_pcr0: [] } } }, 'core.image.gcp_pcr0');
    invalid({ core: { image: { gcp_pcr0: ['00'] } } }, 'core.image.gcp_pcr0');
    invalid({ core: { aws_nitro_tpm_key_release: true } }, 'core.aws_nitro_tpm_key_release');
    invalid({ core: { auth_api: { type: 'file' } } }, 'core.auth_api.file.path');
    invalid({ core: { auth_api: { type: 'none' } } }, 'core.auth_api.type');
    invalid({ core: { evidence: { source: 'development' } } }, 'core.evidence.seed_file');
    invalid({ rpc: { tls: { mutual: { mandatory: true } } } }, 'rpc.tls.mutual.mandatory');
    invalid({ rpc: { port: 65536 } }, 'rpc.port');
  });
});

import type { AppraisalPolicy } from '../attestation/appraisal/policy.js';
import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import { encodeAttestation } from '../attestation/wire/decode.js';
import { bootstrapReportData } from '../crypto/report-data.js';
import { invalidArgument, ServiceError } from '../errors/service-error.js';
import type { AppAuthorizer } from '../kms/app-authorizer.js';
import { aggregatedMeasurement, type BootstrapInfo } from '../kms/bootstrap-info.js';
import type { KeyStore, StoredKeySet } from '../kms/key-store.js';
import type { OwnEvidence } from '../kms/own-evidence.js';
import type { RootKeys } from '../kms/root-keys.js';
import { authorizeBootstrap } from './authorize-bootstrap.js';
import { checkDomain } from './domain.js';
import { generateRootKeys, storedKeySet } from './generate-keys.js';

export interface OnboardingOptions {
  /** Empty when onboarding starts. */
  readonly store: KeyStore;
  readonly evidence: OwnEvidence;
  readonly verifier: AttestationVerifier;
  readonly appraisal: AppraisalPolicy;
  readonly authorizer: AppAuthorizer;
  readonly enforceSelfAuthorization: boolean;
  readonly attestRpcCert: boolean;
  readonly random: (length: number) => Uint8Array;
  /** Unix seconds. */
  readonly clock: () => number;
}

/**
 * The first life of a KMS: gives it root keys, once. One bootstrap runs at a time; what decides is whether the store
 * has taken the keys, never a half of it.
 */
export class Onboarding {
  readonly #options: OnboardingOptions;
  /** Ends when the bootstrap before ended, however it did. */
  #turn: Promise<unknown> = Promise.resolve();
  #hasKeys = false;

  constructor(options: OnboardingOptions) {
    this.#options = options;
  }

  /**
   * Makes and stores new root keys, attested for whoever registers them (spec/kms.md section 7).
   * @throws ServiceError INVALID_ARGUMENT (domain; bootstrapped already), MEASUREMENT_NOT_FOUND or INTERNAL_ERROR in the context
   *   "KMS is not allowed to bootstrap"; EvidenceSourceError; KeyStoreError
   */
  async bootstrap(domain: string): Promise<BootstrapInfo> {
    checkDomain(domain);
    return this.#alone(() => this.#create(domain, 'KMS is not allowed to bootstrap', (keys) => this.#attestKeys(keys)));
  }

  /** The same from configuration: nothing is answered, so nothing is attested but the TLS certificate. @throws as `bootstrap` */
  async autoBootstrap(domain: string): Promise<void> {
    checkDomain(domain);
    await this.#alone(() => this.#create(domain, 'KMS is not allowed to auto-bootstrap', async () => null));
  }

  /** @throws ServiceError NOT_READY before a bootstrap succeeded */
  assertFinishable(): void {
    if (!this.#hasKeys) throw new ServiceError('NOT_READY', 'KMS has no keys yet: call Bootstrap first');
  }

  async #create<T extends BootstrapInfo | null>(domain: string, refusal: string, attest: (keys: RootKeys) => Promise<T>): Promise<T> {
    const { store, evidence, attestRpcCert, enforceSelfAuthorization, random, clock } = this.#options;
    if (this.#hasKeys) throw invalidArgument('KMS has already been bootstrapped');
    if (enforceSelfAuthorization) await authorizeBootstrap(refusal, this.#options);
    const now = clock();
    const keys = generateRootKeys(random, now);
    const info = await attest(keys);
    await this.#keep(await storedKeySet(keys, { domain, evidence: attestRpcCert ? evidence : null, info, now }), store);
    return info;
  }

  /** Whether keys were taken is the store's to say, above all when it failed in between. */
  async #keep(keys: StoredKeySet, store: KeyStore): Promise<void> {
    try {
      await store.create(keys);
      this.#hasKeys = true;
    } catch (error) {
      this.#hasKeys = (await store.state().catch(() => 'empty')) === 'complete';
      throw error;
    }
  }

  async #attestKeys({ rootCaKey, k256 }: RootKeys): Promise<BootstrapInfo> {
    const attestation = encodeAttestation(await this.#options.evidence.attest(bootstrapReportData(rootCaKey.spki, k256.publicKey)));
    return { caPublicKey: rootCaKey.spki, k256PublicKey: k256.publicKey, attestation, measurement: aggregatedMeasurement(attestation) };
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

import type { AuthApiConfig, KmsConfig } from '../config/kms-config.js';
import { ANY_KEY_NAME, type AppAuthorizer, type KeyNames } from '../kms/app-authorizer.js';
import type { ImageRules } from '../kms/known-images.js';
import { createDevPolicy } from '../outbound/dev-policy.js';
import { FilePolicy } from '../outbound/file-policy.js';
import { KnownImagesFile, NO_KNOWN_IMAGES } from '../outbound/known-images-file.js';
import { createWebhookPolicy } from '../outbound/webhook-policy.js';

/** Who decides releases, and which key names exist. */
export interface KmsPolicy {
  readonly authorizer: AppAuthorizer;
  readonly names: KeyNames;
}

/** @param version for the User-Agent of webhook requests */
export function createKmsPolicy(config: AuthApiConfig, version: string): KmsPolicy {
  switch (config.type) {
    case 'webhook':
      return { authorizer: createWebhookPolicy({ url: config.url, version }), names: ANY_KEY_NAME };
    case 'dev':
      return { authorizer: createDevPolicy(config.gatewayAppId), names: ANY_KEY_NAME };
    case 'file': {
      const file = new FilePolicy(config.path);
      return { authorizer: file, names: file };
    }
  }
}

/** null: verification is switched off. */
export function imageRules({ verify, knownMeasurements, gcpFirmware }: KmsConfig['image']): ImageRules | null {
  if (!verify) return null;
  return { known: knownMeasurements === null ? NO_KNOWN_IMAGES : new KnownImagesFile(knownMeasurements), gcpFirmware };
}

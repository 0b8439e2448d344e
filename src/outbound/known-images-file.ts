import { z } from 'zod';
import type { KnownImages, SnpLaunch, TdxLaunch } from '../kms/known-images.js';
import { WatchedJsonFile } from './watched-json-file.js';

const register = z
  .string()
  .regex(/^(0x)?[0-9a-f]{96}$/i, 'must be 48 bytes of hex')
  .transform((text) => text.toLowerCase().replace(/^0x/, ''));
const schema = z.record(
  z.string().regex(/^(0x)?[0-9a-f]{64}$/i, 'must be 32 bytes of hex'),
  z.array(z.union([z.strictObject({ mrtd: register, rtmr0: register, rtmr1: register, rtmr2: register }), z.strictObject({ measurement: register })])).max(1024),
);

/** `{ "<os image hash>": [ { "mrtd", "rtmr0", "rtmr1", "rtmr2" } or { "measurement" } ] }` in a file, read again whenever it changes. */
export class KnownImagesFile implements KnownImages {
  readonly #file: WatchedJsonFile<z.infer<typeof schema>>;

  constructor(path: string) {
    this.#file = new WatchedJsonFile(path, schema);
  }

  launchMeasurements(osImageHash: string): readonly (TdxLaunch | SnpLaunch)[] {
    const images = this.#file.read();
    return Object.entries(images).flatMap(([hash, launches]) => (hash.toLowerCase().replace(/^0x/, '') === osImageHash ? launches : []));
  }
}

/** Nothing registered: every trust domain is refused until the operator lists its image. */
export const NO_KNOWN_IMAGES: KnownImages = { launchMeasurements: () => [] };

import { createHash } from 'node:crypto';
import type { TeeVariant } from '../../attestation/tee-variant.js';
import { hex } from '../../crypto/hex.js';
import { developmentGcpImage } from '../../simulator/gcp-image.js';
import type { MachineName } from '../../simulator/machines.js';
import { developmentPcrs } from '../../simulator/nitro-platform.js';
import type { DevelopmentRootKey } from '../../simulator/roots.js';
import { snpLaunchDigest } from '../../simulator/snp-machine.js';
import { developmentBoot } from '../../simulator/tdx-boot-log.js';

/** What applications of a development system run on. Its KMS is a TDX machine, whatever they run on. */
export type DevelopmentPlatform = 'tdx' | 'gcp-tdx' | 'nitro' | 'sev-snp';

/** What an operator and a policy have to know of an OS image; hex. */
export interface ImageKind {
  /** VM configuration of a machine that boots it. */
  readonly vmConfig: Readonly<Record<string, unknown>>;
  /** As machines that booted it are verified to have. */
  readonly osImageHash: string;
  /** What stands for the compose file, when that is not itself measured. */
  readonly composeHash: string | null;
  /** Launch measurements to be registered for it. */
  readonly launches: readonly Readonly<Record<string, string>>[];
}

/** What the development system has to know of a platform. */
export interface MachineKind {
  readonly variant: TeeVariant;
  /** Value of `default.core.simulator.machine`. */
  readonly machine: MachineName;
  /** Whether its evidence holds a TDX quote, and with it RTMRs. */
  readonly quotes: 'tdx' | 'none';
  /** Call that makes its evidence, for the documentation's report data: path below the guest agent's socket, and JSON body of a POST. */
  readonly example: { readonly path: string; readonly body: string | null };
  /** Roots its evidence leads to, as a `root_ca` table names them. */
  readonly roots: readonly DevelopmentRootKey[];
  /** @param image what distinguishes one image from others, 32 bytes */
  readonly image: (image: Uint8Array) => ImageKind;
}

/** Report data of the documented examples, hex. */
export const CHALLENGE = '1234deadbeef';
const GET_QUOTE: MachineKind['example'] = { path: `/GetQuote?report_data=0x${CHALLENGE}`, body: null };

/** An image known by its hash alone. */
function named(image: Uint8Array, launches: ImageKind['launches']): ImageKind {
  return { vmConfig: { os_image_hash: hex(image) }, osImageHash: hex(image), composeHash: null, launches };
}

function tdxLaunch(image: Uint8Array): Record<string, string> {
  const { mrTd, rtmrs } = developmentBoot(image);
  return { mrtd: hex(mrTd), rtmr0: hex(rtmrs[0]), rtmr1: hex(rtmrs[1]), rtmr2: hex(rtmrs[2]) };
}

/** Platform → what is particular about it. A further platform is a further entry. */
export const MACHINE_KINDS: Readonly<Record<DevelopmentPlatform, MachineKind>> = {
  tdx: { variant: 'dstack-tdx', machine: 'tdx', quotes: 'tdx', example: GET_QUOTE, roots: ['tdx'], image: (image) => named(image, [tdxLaunch(image)]) },
  'gcp-tdx': {
    variant: 'dstack-gcp-tdx',
    machine: 'gcp-tdx',
    quotes: 'tdx',
    example: GET_QUOTE,
    roots: ['tdx', 'gcp_tpm'],
    // Its kernel is verified by the image's own document; nothing is registered.
    image: (image) => {
      const { osImageHash, document } = developmentGcpImage(image);
      return { vmConfig: { os_image_hash: hex(osImageHash), gcp_measurement: document }, osImageHash: hex(osImageHash), composeHash: null, launches: [] };
    },
  },
  nitro: {
    variant: 'dstack-nitro-enclave',
    machine: 'nitro-enclave',
    quotes: 'none',
    example: { path: `/GetAttestation?user_data=0x${CHALLENGE}`, body: null },
    roots: ['aws_nitro_enclave'],
    // An enclave measures its image and nothing else, so that hash is the compose hash too (spec/kms.md section 11.2).
    image: (image) => {
      const measured = createHash('sha256').update(Buffer.concat(developmentPcrs(image))).digest('hex');
      return { vmConfig: { os_image_hash: hex(image) }, osImageHash: measured, composeHash: measured, launches: [] };
    },
  },
  'sev-snp': {
    variant: 'dstack-amd-sev-snp',
    machine: 'sev-snp',
    quotes: 'none',
    example: { path: '/Attest', body: `{"report_data":"${CHALLENGE}"}` },
    roots: ['sev_snp_genoa'],
    image: (image) => named(image, [{ measurement: hex(snpLaunchDigest(image)) }]),
  },
};

/** @throws TypeError naming the platforms there are */
export function developmentPlatform(name: string): DevelopmentPlatform {
  if (Object.hasOwn(MACHINE_KINDS, name)) return name as DevelopmentPlatform;
  throw new TypeError(`unknown platform "${name}"; there are ${Object.keys(MACHINE_KINDS).join(', ')}`);
}

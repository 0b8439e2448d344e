import { BoundedMap } from '../../cache/bounded-map.js';
import type { VerifiedPath } from '../../x509/path.js';
import { earliestEnd } from '../../x509/time-window.js';
import type { TimeWindow } from '../../x509/time-window.js';
import type { CertificateMemory } from '../certificate-memory.js';
import type { QuoteCollateral } from '../collateral.js';
import type { Endorsement } from './endorsement.js';
import type { CheckedPck } from './pck-chain.js';
import { parseQeIdentity } from './qe-identity.js';
import type { QeIdentity } from './qe-identity.js';
import { checkSignedDocument } from './signed-document.js';
import type { DocumentCodes } from './signed-document.js';
import { parseTcbInfo } from './tcb-info.js';
import type { TcbInfo } from './tcb-info.js';
import { checkAnchor } from './trust-anchor.js';
import type { CheckedAnchor } from './trust-anchor.js';

/**
 * Collateral whose signatures were found good under one root: parsed, immutable but for its memory, and
 * good for any number of quotes. It holds no verdict about time: every use checks the windows again.
 */
export interface CheckedCollateral {
  readonly anchor: CheckedAnchor;
  readonly tcbInfo: TcbInfo;
  readonly qeIdentity: QeIdentity;
  /** PEM chain that replaces the quote's own, or null. */
  readonly pckCertificateChain: string | null;
  /** Of TCB info and QE identity with their chains, in the order they are checked. */
  readonly windows: readonly TimeWindow[];
  /** Last unix second at which all of it is valid; the certificates of a quote may end sooner. */
  readonly validUntil: number;
  /** What was proved about earlier quotes, by the exact bytes that proved it. */
  readonly memory: {
    readonly pckChains: BoundedMap<CheckedPck>;
    readonly endorsements: BoundedMap<Endorsement>;
  };
}

/** Platforms remembered per collateral, at about 12 KiB each; whoever puts something in sees to it that it is not too long (`MAX_REMEMBERED_LENGTH`). */
const REMEMBERED = { capacity: 256, maxKeyLength: 128 };

const TCB_INFO_CODES: DocumentCodes = {
  early: 'TCB_INFO_NOT_YET_VALID',
  late: 'TCB_INFO_EXPIRED',
  chain: 'TCB_INFO_CHAIN_TOO_SHORT',
  signature: 'TCB_INFO_SIGNATURE_INVALID',
};
const QE_IDENTITY_CODES: DocumentCodes = {
  early: 'QE_IDENTITY_NOT_YET_VALID',
  late: 'QE_IDENTITY_EXPIRED',
  chain: 'QE_IDENTITY_CHAIN_TOO_SHORT',
  signature: 'QE_IDENTITY_SIGNATURE_INVALID',
};

/**
 * Checks everything about the collateral that does not depend on a quote (spec/attestation.md section
 * 6.3 steps 0, 2, 3, 4). The result may be kept until `validUntil`.
 * @param options.root DER of the trust anchor
 * @param options.now unix seconds
 * @param options.memory certificates known from elsewhere; their signatures are not verified again, everything else about them is
 * @throws VerificationError with the code of the first check that failed
 */
export function checkCollateral(collateral: QuoteCollateral, options: { readonly root: Uint8Array; readonly now: number; readonly memory?: CertificateMemory }): CheckedCollateral {
  return checkDocuments(collateral, checkAnchor(options.root, collateral, options.now, options.memory), options.now);
}

/** Steps 2 to 4, given the outcome of step 0. @throws VerificationError */
export function checkDocuments(collateral: QuoteCollateral, anchor: CheckedAnchor, now: number): CheckedCollateral {
  const chains = new Map<string, VerifiedPath>();
  const tcbInfo = parseTcbInfo(collateral.tcbInfo);
  const tcbWindows = checkSignedDocument(
    {
      subject: 'TCB Info',
      text: collateral.tcbInfo,
      signature: collateral.tcbInfoSignature,
      issuerChain: collateral.tcbInfoIssuerChain,
      issueDate: tcbInfo.issueDate,
      nextUpdate: tcbInfo.nextUpdate,
    },
    TCB_INFO_CODES,
    anchor,
    now,
    chains,
  );
  const qeIdentity = parseQeIdentity(collateral.qeIdentity);
  const qeWindows = checkSignedDocument(
    {
      subject: 'QE Identity',
      text: collateral.qeIdentity,
      signature: collateral.qeIdentitySignature,
      issuerChain: collateral.qeIdentityIssuerChain,
      issueDate: qeIdentity.issueDate,
      nextUpdate: qeIdentity.nextUpdate,
    },
    QE_IDENTITY_CODES,
    anchor,
    now,
    chains,
  );
  const windows = [...tcbWindows, ...qeWindows];
  return {
    anchor,
    tcbInfo,
    qeIdentity,
    pckCertificateChain: collateral.pckCertificateChain,
    windows,
    validUntil: earliestEnd([...anchor.windows, ...windows]),
    memory: { pckChains: new BoundedMap(REMEMBERED), endorsements: new BoundedMap(REMEMBERED) },
  };
}

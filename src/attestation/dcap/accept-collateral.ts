import { VerificationError } from '../../errors/verification-error.js';
import { parseCrl, type RevocationList } from '../../x509/crl.js';
import { publicKeyOf } from '../../x509/path.js';
import { pathConstraintsOf } from '../../x509/path-constraints.js';
import { verifySignature } from '../../x509/signature.js';
import type { CollateralRequest, QuoteCollateral } from '../collateral.js';
import { pckCaOf } from '../tdx/pck-extension.js';
import { checkCollateral } from './checked-collateral.js';
import type { QeIdentity } from './qe-identity.js';
import { readChain } from './signed-document.js';
import type { TcbInfo } from './tcb-info.js';
import type { CheckedAnchor } from './trust-anchor.js';

/** Collateral every signature of which was found good, and what it says of itself. */
export interface AcceptedCollateral {
  readonly collateral: QuoteCollateral;
  readonly tcbInfo: TcbInfo;
  readonly qeIdentity: QeIdentity;
  readonly rootCaCrl: RevocationList;
  readonly pckCrl: RevocationList;
  /** Last unix second at which all of it is valid. */
  readonly validUntil: number;
}

/**
 * Is this the collateral that was asked for, signed under `root` and valid now? Steps 0 and 2 to 4 of spec/attestation.md
 * section 6.3, and what is otherwise first found out with a quote: the PCK CA's revocation list, by the chain that
 * came with it, and that the documents are of the TEE, FMSPC and CA wanted. That the PCK CA itself is revoked is no
 * fault of the collateral but something quotes must be told.
 * @param options.root DER of the trust anchor
 * @param options.now unix seconds
 * @throws VerificationError with the code of the first check that failed
 */
export function acceptCollateral(collateral: QuoteCollateral, wanted: CollateralRequest, options: { readonly root: Uint8Array; readonly now: number }): AcceptedCollateral {
  const { anchor, tcbInfo, qeIdentity, validUntil } = checkCollateral(collateral, options);
  const isTdx = wanted.tee === 'tdx';
  if (tcbInfo.id !== (isTdx ? 'TDX' : 'SGX')) throw new VerificationError('TCB_INFO_NOT_FOR_TEE', `the TCB info is of ${tcbInfo.id}, not of ${wanted.tee}`);
  if (Buffer.compare(tcbInfo.fmspc, wanted.fmspc) !== 0) throw new VerificationError('FMSPC_MISMATCH', 'the TCB info is of another kind of platform');
  if (qeIdentity.id !== (isTdx ? 'TD_QE' : 'QE')) throw new VerificationError('QE_IDENTITY_NOT_FOR_TEE', `the QE identity is of ${qeIdentity.id}, not for ${wanted.tee}`);
  const pckCrl = checkPckCrl(collateral, anchor, options.now);
  if (pckCaOf(pckCrl.issuerRaw) !== wanted.ca) throw new VerificationError('CRL_NOT_FOUND', `the PCK revocation list is not of the ${wanted.ca} CA`);
  return { collateral, tcbInfo, qeIdentity, rootCaCrl: parseCrl(collateral.rootCaCrl), pckCrl, validUntil: Math.min(validUntil, pckCrl.nextUpdate - 1) };
}

/** The list must be signed by a CA that the root certified, and still be valid. */
function checkPckCrl({ pckCrl, pckCrlIssuerChain }: QuoteCollateral, { certificate: root }: CheckedAnchor, now: number): RevocationList {
  const list = parseCrl(pckCrl);
  const [issuer] = readChain(pckCrlIssuerChain, { code: 'PCK_CHAIN_TOO_SHORT', subject: 'PCK CRL' });
  if (Buffer.compare(list.issuerRaw, issuer.subjectRaw) !== 0) throw new VerificationError('CRL_NOT_FOUND', 'the PCK revocation list is not of the CA it came with');
  if (Buffer.compare(issuer.issuerRaw, root.subjectRaw) !== 0) throw new VerificationError('ISSUER_UNKNOWN', 'the PCK CA does not lead to the trust anchor');
  if (!verifySignature(publicKeyOf(root), issuer.signatureAlgorithmOid, issuer.tbs, issuer.signature)) {
    throw new VerificationError('CERTIFICATE_SIGNATURE_INVALID', 'the certificate of the PCK CA is not signed by the root');
  }
  const { isCa, maySignCrls } = pathConstraintsOf(issuer);
  if (!isCa || !maySignCrls) throw new VerificationError('CRL_SIGNER_NOT_ALLOWED', 'the issuer may not sign revocation lists');
  if (!verifySignature(publicKeyOf(issuer), list.signatureAlgorithmOid, list.tbs, list.signature)) {
    throw new VerificationError('CRL_SIGNATURE_INVALID', 'the PCK revocation list is not signed by the PCK CA');
  }
  if (now >= list.nextUpdate) throw new VerificationError('CRL_EXPIRED', 'the PCK revocation list has expired');
  return list;
}

/**
 * True when a part of `a` is older than the same part of `b`: its date, its number where it has one, or the TCB recovery it was
 * published with. Whoever stands between a service and its clients could otherwise take back a revocation.
 */
export function isOlder(a: AcceptedCollateral, b: AcceptedCollateral): boolean {
  return (
    a.tcbInfo.issueDate < b.tcbInfo.issueDate ||
    a.tcbInfo.tcbEvaluationDataNumber < b.tcbInfo.tcbEvaluationDataNumber ||
    a.qeIdentity.issueDate < b.qeIdentity.issueDate ||
    isOlderList(a.rootCaCrl, b.rootCaCrl) ||
    isOlderList(a.pckCrl, b.pckCrl)
  );
}

function isOlderList(a: RevocationList, b: RevocationList): boolean {
  return a.thisUpdate < b.thisUpdate || (a.number !== null && b.number !== null && a.number < b.number);
}

import type { QuoteCollateral } from '../attestation/collateral.js';
import { DEVELOPMENT_MACHINE } from './tdx-machine.js';

export interface PccsAnswer {
  readonly status: 200 | 400 | 404;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const JSON_TYPE = 'application/json';
/** There is one PCK CA, of class platform; but some clients ask for `processor` whatever the quote says. */
const PCK_CAS: ReadonlySet<string> = new Set(['platform', 'processor']);

/**
 * What a PCCS of the development machine answers to a GET of `target` (path and query), for an HTTP
 * server to pass on (spec/attestation.md section 6.6). The `/sgx/` forms of the TDX documents are what
 * old guests ask for.
 */
export function pccsAnswer(collateral: QuoteCollateral, target: string): PccsAnswer {
  const question = /^([^?]*)(?:\?(.*))?$/s.exec(target);
  const query = new URLSearchParams(question?.[2] ?? '');
  switch (question?.[1]) {
    case '/sgx/certification/v4/pckcrl':
      return PCK_CAS.has(query.get('ca') ?? '') && query.get('encoding') === 'der'
        ? ok('application/pkix-crl', collateral.pckCrl, { 'SGX-PCK-CRL-Issuer-Chain': collateral.pckCrlIssuerChain })
        : refusal(400, 'ca must be platform or processor, encoding der');
    case '/sgx/certification/v4/rootcacrl':
      return ok('text/plain', Buffer.from(Buffer.from(collateral.rootCaCrl).toString('hex'), 'latin1'));
    case '/tdx/certification/v4/tcb':
    case '/sgx/certification/v4/tcb':
      return query.get('fmspc')?.toLowerCase() === Buffer.from(DEVELOPMENT_MACHINE.fmspc).toString('hex')
        ? ok(JSON_TYPE, signed('tcbInfo', collateral.tcbInfo, collateral.tcbInfoSignature), {
            'TCB-Info-Issuer-Chain': collateral.tcbInfoIssuerChain,
            'SGX-TCB-Info-Issuer-Chain': collateral.tcbInfoIssuerChain, // the older name, which some clients still ask for
          })
        : refusal(404, 'no TCB info for this FMSPC');
    case '/tdx/certification/v4/qe/identity':
    case '/sgx/certification/v4/qe/identity':
      return ok(JSON_TYPE, signed('enclaveIdentity', collateral.qeIdentity, collateral.qeIdentitySignature), {
        'SGX-Enclave-Identity-Issuer-Chain': collateral.qeIdentityIssuerChain,
      });
    default:
      return refusal(404, 'not found');
  }
}

function ok(contentType: string, body: Uint8Array, chains: Readonly<Record<string, string>> = {}): PccsAnswer {
  const encoded = Object.entries(chains).map(([name, pem]) => [name, encodeURIComponent(pem)] as const);
  return { status: 200, headers: { 'Content-Type': contentType, ...Object.fromEntries(encoded) }, body };
}

/** The signed text is inserted as it is: re-serialising it could break the signature (trap T16). */
function signed(key: string, text: string, signature: Uint8Array): Uint8Array {
  return Buffer.from(`{"${key}":${text},"signature":"${Buffer.from(signature).toString('hex')}"}`, 'utf8');
}

function refusal(status: 400 | 404, text: string): PccsAnswer {
  return { status, headers: { 'Content-Type': 'text/plain' }, body: Buffer.from(text, 'utf8') };
}

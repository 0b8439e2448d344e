import { bitString, boolean, contextConstructed, contextPrimitive, integer, octetString, oid, sequence } from '../crypto/der-write.js';
import { invalidArgument } from '../errors/service-error.js';
import { ipAddressBytes } from './ip-address.js';
import { EXTENSION_OID, PKIX_OID } from './oids.js';

/** An extension to be written: `value` is the content of extnValue. */
export interface ExtensionToWrite {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** Extension, DER (RFC 5280 section 4.1): criticality only when true. */
export function extensionDer({ oid: type, critical, value }: ExtensionToWrite): Uint8Array {
  return critical ? sequence(oid(type), boolean(true), octetString(value)) : sequence(oid(type), octetString(value));
}

/**
 * SubjectAltName, not critical. Each name that reads as an IP address becomes an iPAddress, any other a dNSName.
 * @throws ServiceError INVALID_ARGUMENT for a name that is not ASCII
 */
export function subjectAltName(names: readonly string[]): ExtensionToWrite {
  return { oid: EXTENSION_OID.subjectAltName, critical: false, value: sequence(...names.map(generalName)) };
}

function generalName(name: string): Uint8Array {
  const address = ipAddressBytes(name);
  if (address !== null) return contextPrimitive(7, address);
  // oxlint-disable-next-line no-control-regex -- IA5String is exactly this range
  if (!/^[\x00-\x7f]*$/.test(name)) throw invalidArgument('subject alternative name is not ASCII');
  return contextPrimitive(2, Buffer.from(name, 'latin1'));
}

/** Bits of KeyUsage (RFC 5280 section 4.2.1.3) as a mask over the first octet. */
export const KEY_USAGE = { digitalSignature: 0x80, keyCertSign: 0x04, crlSign: 0x02 } as const;

/**
 * Critical KeyUsage of the bits in `mask`, written over nine bits (03 03 07 xx 00) and not in the shortest
 * form: certificates on record have it so (spec/attestation.md section 9.3), and ours must equal them.
 */
export function keyUsage(mask: number): ExtensionToWrite {
  return { oid: EXTENSION_OID.keyUsage, critical: true, value: bitString(Uint8Array.of(mask, 0), 7) };
}

/** ExtKeyUsage of the purposes, given as dotted OIDs; not critical. */
export function extendedKeyUsage(purposes: readonly string[]): ExtensionToWrite {
  return { oid: EXTENSION_OID.extendedKeyUsage, critical: false, value: sequence(...purposes.map(oid)) };
}

/** Critical BasicConstraints; `pathLength` null leaves the length open, and says nothing for an end entity. */
export function basicConstraints(isCa: boolean, pathLength: number | null): ExtensionToWrite {
  const value = isCa ? sequence(boolean(true), ...(pathLength === null ? [] : [integer(pathLength)])) : sequence();
  return { oid: EXTENSION_OID.basicConstraints, critical: true, value };
}

/** SubjectKeyIdentifier; `keyId` is usually 20 bytes. */
export function subjectKeyIdentifier(keyId: Uint8Array): ExtensionToWrite {
  return { oid: EXTENSION_OID.subjectKeyIdentifier, critical: false, value: octetString(keyId) };
}

/** AuthorityKeyIdentifier with the key identifier alone. */
export function authorityKeyIdentifier(keyId: Uint8Array): ExtensionToWrite {
  return { oid: EXTENSION_OID.authorityKeyIdentifier, critical: false, value: sequence(contextPrimitive(0, keyId)) };
}

/** CRLDistributionPoints with one point at `uri`. */
export function crlDistributionPoint(uri: string): ExtensionToWrite {
  const fullName = contextConstructed(0, contextPrimitive(6, Buffer.from(uri, 'latin1')));
  return { oid: EXTENSION_OID.crlDistributionPoints, critical: false, value: sequence(sequence(contextConstructed(0, fullName))) };
}

/** AuthorityInfoAccess with the issuer's certificate at `uri`. */
export function caIssuers(uri: string): ExtensionToWrite {
  const access = sequence(oid(PKIX_OID.caIssuers), contextPrimitive(6, Buffer.from(uri, 'latin1')));
  return { oid: EXTENSION_OID.authorityInfoAccess, critical: false, value: sequence(access) };
}

/** CRLNumber of a revocation list; `number` is a non-negative safe integer. */
export function crlNumber(number: number): ExtensionToWrite {
  return { oid: EXTENSION_OID.crlNumber, critical: false, value: integer(number) };
}

import { createHash } from 'node:crypto';
import { buildCertificate, buildCrl } from '../x509/build.js';
import { subjectNameDer } from '../x509/name.js';
import { SIGNATURE_OID } from '../x509/oids.js';
import type { CertificateSigner } from '../x509/signer.js';
import { authorityKeyIdentifier, basicConstraints, crlNumber, KEY_USAGE, keyUsage, subjectKeyIdentifier } from '../x509/standard-extensions.js';
import type { ExtensionToWrite } from '../x509/standard-extensions.js';
import type { SeededKey } from './seeded-keys.js';

// Fixed, so that every process with the same seed has the same certificates byte for byte.
const NOT_BEFORE = Date.UTC(2020, 0, 1) / 1000;
const NOT_AFTER = Date.UTC(2100, 0, 1) / 1000;

/** A name and the key that goes with it. */
export interface DevelopmentAuthority {
  readonly commonName: string;
  readonly key: SeededKey;
}

export interface DevelopmentCertificate {
  readonly commonName: string;
  /** SubjectPublicKeyInfo of the key, DER. */
  readonly key: Pick<SeededKey, 'spki'>;
  /** 0 to 255, unique under its issuer. */
  readonly serial: number;
  readonly isCa: boolean;
  readonly extensions: readonly ExtensionToWrite[];
}

/** Unix seconds between which a revocation list is used. */
export interface CrlWindow {
  readonly thisUpdate: number;
  readonly nextUpdate: number;
}

/** DER of a certificate valid 2020 to 2100, signed by `issuer` (itself, for a root). */
export function developmentCertificate(subject: DevelopmentCertificate, issuer: DevelopmentAuthority): Uint8Array {
  const usage = subject.isCa ? KEY_USAGE.digitalSignature | KEY_USAGE.keyCertSign | KEY_USAGE.crlSign : KEY_USAGE.digitalSignature;
  return buildCertificate({
    serial: Uint8Array.of(subject.serial),
    issuer: name(issuer),
    subject: name(subject),
    notBefore: NOT_BEFORE,
    notAfter: NOT_AFTER,
    spki: subject.key.spki,
    extensions: [
      authorityKeyIdentifier(keyId(issuer)),
      subjectKeyIdentifier(keyId(subject)),
      keyUsage(usage),
      basicConstraints(subject.isCa, null),
      ...subject.extensions,
    ],
    signer: signer(issuer.key),
  });
}

/** DER of `issuer`'s revocation list, valid 2020 to 2100 unless told otherwise, naming the given serials. */
export function developmentCrl(issuer: DevelopmentAuthority, revokedSerials: readonly number[], window: CrlWindow = { thisUpdate: NOT_BEFORE, nextUpdate: NOT_AFTER }): Uint8Array {
  return buildCrl({
    issuer: name(issuer),
    ...window,
    revoked: revokedSerials.map((serial) => ({ serial: Uint8Array.of(serial), date: NOT_BEFORE })),
    extensions: [authorityKeyIdentifier(keyId(issuer)), crlNumber(1)],
    signer: signer(issuer.key),
  });
}

function name({ commonName }: Pick<DevelopmentAuthority, 'commonName'>): Uint8Array {
  return subjectNameDer({ organization: 'dstack-node development, no hardware', commonName });
}

function keyId({ key }: Pick<DevelopmentCertificate, 'key'>): Uint8Array {
  return createHash('sha256').update(key.spki).digest().subarray(0, 20);
}

function signer(key: SeededKey): CertificateSigner {
  const algorithmOid = key.curve === 'p256' ? SIGNATURE_OID.ecdsaWithSha256 : SIGNATURE_OID.ecdsaWithSha384;
  return { algorithmOid, sign: (tbs) => key.sign(tbs, 'der') };
}

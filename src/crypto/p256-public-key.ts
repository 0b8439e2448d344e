import { createPublicKey, verify } from 'node:crypto';

export type EcdsaEncoding = 'der' | 'ieee-p1363';
export type EcdsaHash = 'sha256' | 'sha384';

/** A signature as it came: an ECDSA-Sig-Value in DER (RFC 3279 section 2.2.3), or r‖s of 64 bytes (IEEE P1363). */
export interface EcdsaSignature {
  readonly bytes: Uint8Array;
  readonly encoding: EcdsaEncoding;
}

/** A point something verifies with. */
export interface P256Point {
  /** Anything else than a good signature is false, whatever it looks like. */
  verify(hash: EcdsaHash, message: Uint8Array, signature: EcdsaSignature): boolean;
}

/** @param coordinates x‖y, 64 bytes @returns null when they are not a point of the curve */
export type P256Import = (coordinates: Uint8Array) => P256Point | null;

const imports = { current: throughNode as P256Import };

/** Has points imported by something faster than `node:crypto` from now on, in this thread. */
export function importP256With(other: P256Import): void {
  imports.current = other;
}

/** A P-256 public key, to verify ECDSA signatures (FIPS 186-5) with. It answers to the names of a KeyObject's properties. */
export class P256PublicKey {
  readonly asymmetricKeyType = 'ec';
  readonly asymmetricKeyDetails = { namedCurve: 'prime256v1' } as const;
  /** x‖y, 64 bytes. */
  readonly coordinates: Uint8Array;
  readonly #point: P256Point;

  private constructor(coordinates: Uint8Array, point: P256Point) {
    this.coordinates = coordinates;
    this.#point = point;
  }

  /** @param coordinates x‖y @returns null unless they are 64 bytes and a point of the curve */
  static from(coordinates: Uint8Array): P256PublicKey | null {
    if (coordinates.length !== 64) return null;
    const own = new Uint8Array(coordinates);
    const point = imports.current(own);
    return point === null ? null : new P256PublicKey(own, point);
  }

  verify(hash: EcdsaHash, message: Uint8Array, signature: EcdsaSignature): boolean {
    return this.#point.verify(hash, message, signature);
  }
}

/** Through JWK, which takes half the time of DER on this curve. */
export function throughNode(coordinates: Uint8Array): P256Point | null {
  try {
    const key = createPublicKey({ key: p256Jwk(coordinates), format: 'jwk' });
    return { verify: (hash, message, { bytes, encoding }) => verify(hash, message, { key, dsaEncoding: encoding }, bytes) };
  } catch {
    return null;
  }
}

/** JWK (RFC 7518 section 6.2.1) of x‖y, 64 bytes. */
export function p256Jwk(coordinates: Uint8Array): { readonly kty: string; readonly crv: string; readonly x: string; readonly y: string } {
  return { kty: 'EC', crv: 'P-256', x: base64url(coordinates.subarray(0, 32)), y: base64url(coordinates.subarray(32)) };
}

/** Of bytes where they lie: no copy is made of a private value. */
export function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}

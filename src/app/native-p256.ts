import { createHash } from 'node:crypto';
import { importP256With, type P256Import } from '../crypto/p256-public-key.js';
import type { NativeBinding } from '../native/binding.js';
import { loadNative } from '../native/loader.js';

/** Longest ECDSA-Sig-Value of P-256 there is has 72 bytes. */
const LONGEST_DER = 80;
const RAW_BYTES = 64;
const DIGEST_BYTES = 32;

/** RFC 6979 appendix A.2.5: the key, and the signature of "sample" with SHA-256. */
const KNOWN = {
  point: '60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
  message: 'sample',
  signature: 'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
} as const;

/**
 * Has this thread verify ECDSA on P-256 through the native addon, where there is one, the process has the OpenSSL for it, and both give the
 * known answers; else everything stays with `node:crypto`, which says the same and takes longer (docs/decisions/0015-p256.md).
 * @returns whether the addon is used from now on
 */
export function useNativeP256(load: () => NativeBinding = loadNative): boolean {
  try {
    const through = throughAddon(load());
    if (!givesKnownAnswers(through)) return false;
    importP256With(through);
    return true;
  } catch {
    return false;
  }
}

function throughAddon(native: NativeBinding): P256Import {
  return (point) => {
    const key = native.p256PublicKey({ point });
    if (key === null) return null;
    return {
      verify(hash, message, { bytes: signature, encoding }) {
        if (encoding === 'der' ? signature.length > LONGEST_DER : signature.length !== RAW_BYTES) return false;
        // Of a longer digest ECDSA takes as many bits as the group's order has (FIPS 186-5 section 6.4.2).
        const digest = createHash(hash).update(message).digest().subarray(0, DIGEST_BYTES);
        return encoding === 'der' ? key.verify({ digest, signature }) : key.verifyRaw({ digest, signature });
      },
    };
  };
}

function givesKnownAnswers(importPoint: P256Import): boolean {
  const key = importPoint(Buffer.from(KNOWN.point, 'hex'));
  const signature = { bytes: Buffer.from(KNOWN.signature, 'hex'), encoding: 'ieee-p1363' } as const;
  const offTheCurve = Buffer.from(KNOWN.point, 'hex').fill(1, 0, 1);
  return key?.verify('sha256', Buffer.from(KNOWN.message), signature) === true && !key.verify('sha256', Buffer.from('other'), signature) && importPoint(offTheCurve) === null;
}

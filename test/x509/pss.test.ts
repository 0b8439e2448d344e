import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { snpRoot } from '../../src/attestation/sev-snp/root.js';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.js';
import { publicKeyOf } from '../../src/x509/path.js';
import { parsePemChain } from '../../src/x509/pem.js';
import { isPssSha384 } from '../../src/x509/pss.js';
import { isSignedBy } from '../../src/x509/signature.js';
import { certify, pssIdentifier, rsa } from '../attestation/sev-snp/mini-amd.js';
import { unhex, vectorText } from '../attestation/vectors.js';

const [asvk, ark] = parsePemChain(vectorText('sev-snp/genoa-vlek-chain.pem'), 2).map(parseCertificate) as [Certificate, Certificate];
const unsupported = expect.objectContaining({ code: 'SIGNATURE_ALGORITHM_UNSUPPORTED' });

describe('RSASSA-PSS with SHA-384', () => {
  it('verifies certificates of AMD\'s', () => {
    expect(isSignedBy(asvk, publicKeyOf(ark, 'ec-or-rsa'))).toBe(true);
    expect(snpRoot(ark.raw).raw).toBe(ark.raw);
    expect(isSignedBy(ark, publicKeyOf(asvk, 'ec-or-rsa'))).toBe(false);
  });

  it('notices a changed certificate', () => {
    const tbs = Uint8Array.from(asvk.tbs);
    tbs[tbs.length - 1] = (tbs[tbs.length - 1] ?? 0) ^ 1;
    expect(isSignedBy({ ...asvk, tbs }, publicKeyOf(ark, 'ec-or-rsa'))).toBe(false);
  });

  it('has one set of parameters, the trailer written or not', () => {
    expect(isPssSha384(asvk.signatureAlgorithmRaw)).toBe(true);
    expect(isPssSha384(pssIdentifier())).toBe(true);
    const sha384 = '300d06096086480165030402020500';
    const mgf1 = '301a06092a864886f70d010108' + sha384;
    const of = (hash: string, mask: string, salt: string): Uint8Array => {
      const parameters = `a00f${hash}a11c${mask}a203020130`.replace('020130', `0201${salt}`);
      return unhex(`3041${'06092a864886f70d01010a'}30${(parameters.length / 2).toString(16).padStart(2, '0')}${parameters}`);
    };
    expect(isPssSha384(of(sha384, mgf1, '30'))).toBe(true);
    expect(isPssSha384(of(sha384, mgf1, '20'))).toBe(false);
    const sha256 = '300d06096086480165030402010500';
    expect(isPssSha384(of(sha256, mgf1, '30'))).toBe(false);
    expect(isPssSha384(of(sha384, mgf1.replace(sha384, sha256), '30'))).toBe(false);
    for (const text of ['', '3000', '300b06092a864886f70d01010a', '300d06092a864886f70d01010a3000', '300d06092a864886f70d01010b0500']) expect(isPssSha384(unhex(text))).toBe(false);
  });

  it('is refused with other parameters, and with a key that is not RSA', () => {
    const key = rsa();
    const other = parseCertificate(certify('root', { key, ca: true, identifier: pssIdentifier(32) }).der);
    expect(() => isSignedBy(other, publicKeyOf(other, 'ec-or-rsa'))).toThrow(unsupported);
    expect(() => isSignedBy(asvk, generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey)).toThrow(unsupported);
  });
});

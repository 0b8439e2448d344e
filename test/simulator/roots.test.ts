import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { developmentBanner } from '../../src/simulator/banner.js';
import { developmentRootFiles, developmentRoots, writeDevelopmentRoots } from '../../src/simulator/roots.js';
import { otherSeed, seed } from './development.js';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const roots = developmentRoots(seed);

describe('development roots', () => {
  it('are the same in every process and release: a changed root locks out every verifier given the old one', () => {
    expect(sha256(roots.tdx)).toBe('1e2fd2b998db27a452320fefa37c13b0576c3179fdd36b0c455666fade095757');
    expect(sha256(roots.nitroEnclave)).toBe('d065f6f4ac07afd6aa68faa45d0b9aaaf60081c4fe4112d45bc8b8c9de0ea253');
    expect(sha256(roots.gcpTpm)).toBe('37ed89f72e2b67e5cc820f83122c6e66438dba38e4f29dcfb48129ac047e67ab');
    expect(sha256(roots.sevSnp.Genoa)).toBe('ad5eedc457b74ac2cafe092555ed415932a53d2c2802c8489eebc99f2132d991');
    expect(sha256(roots.sevSnp.Milan)).toBe('a17f6036b7b8221e2d6e8c2202091cb53da666a2a053a277b22f4715479b13c0');
    expect(sha256(roots.sevSnp.Turin)).toBe('40cd5e5ce25e93115dd07bffb698e44fae4894ad3ac7015c2a8ec4aa25b21fc5');
  });

  it('are self-signed CAs of their curves, valid 2020 to 2100', () => {
    const amd = Object.values(roots.sevSnp).map((der) => [der, 'secp384r1'] as const);
    for (const [der, curve] of [[roots.tdx, 'prime256v1'], [roots.nitroEnclave, 'secp384r1'], [roots.gcpTpm, 'prime256v1'], ...amd] as const) {
      const certificate = new X509Certificate(der);
      expect(certificate.ca).toBe(true);
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe(curve);
      expect([new Date(certificate.validFrom).getUTCFullYear(), new Date(certificate.validTo).getUTCFullYear()]).toEqual([2020, 2100]);
      expect(certificate.subject).toContain('no hardware');
    }
  });

  it('differ from seed to seed', () => {
    expect(developmentRoots(otherSeed).tdx).not.toEqual(roots.tdx);
    expect(developmentRoots(otherSeed).nitroEnclave).not.toEqual(roots.nitroEnclave);
  });

  it('are written as PEM files readable by all', () => {
    const dir = mkdtempSync(join(tmpdir(), 'roots-'));
    try {
      writeDevelopmentRoots(dir, seed);
      for (const [file, pem] of Object.entries(developmentRootFiles(seed))) {
        expect(readFileSync(join(dir, file), 'utf8')).toBe(pem);
        expect(statSync(join(dir, file)).mode & 0o777).toBe(0o644);
      }
      expect(new X509Certificate(readFileSync(join(dir, 'tdx-root.pem'))).raw.equals(roots.tdx)).toBe(true);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('the banner', () => {
  it('says what is simulated and names the root by its fingerprint', () => {
    const text = developmentBanner('dstack-tdx', [roots.tdx]).join('\n');
    expect(text).toContain('DEVELOPMENT');
    expect(text).toContain('Intel TDX');
    expect(text).toContain(sha256(roots.tdx));
    const both = developmentBanner('dstack-gcp-tdx', [roots.tdx, roots.gcpTpm]).join('\n');
    for (const root of [roots.tdx, roots.gcpTpm]) expect(both).toContain(sha256(root));
  });

  it('says that a recording convinces nobody', () => {
    expect(developmentBanner('dstack-tdx', []).join('\n')).not.toMatch(/SHA-256/);
  });
});

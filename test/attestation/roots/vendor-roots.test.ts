import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { vendorRoots } from '../../../src/attestation/roots/vendor-roots.js';
import { parseCertificate } from '../../../src/x509/certificate.js';
import { parsePemChain } from '../../../src/x509/pem.js';
import { hex, vector, vectorText } from '../vectors.js';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

// The fingerprints are those the vendors publish (spec/attestation.md sections 6.6 and 7).
test('the anchor for TDX is the Intel SGX Root CA', () => {
  const { tdx } = vendorRoots();
  expect(sha256(tdx)).toBe('44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3');
  expect(hex(tdx)).toBe(hex(vector('roots/intel-sgx-root.der')));
  expect(parseCertificate(tdx).notAfter).toBe(Date.parse('2049-12-31T23:59:59Z') / 1000);
});

test('the anchor for Nitro Enclaves is the AWS root G1', () => {
  const { nitroEnclave } = vendorRoots();
  expect(sha256(nitroEnclave)).toBe('641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b');
  expect(parseCertificate(nitroEnclave).notBefore).toBe(Date.parse('2019-10-28T13:28:05Z') / 1000);
});

test('a caller cannot alter the anchors of another', () => {
  vendorRoots().tdx.fill(0);
  expect(sha256(vendorRoots().tdx)).toBe('44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3');
});

test('the anchor for vTPMs on GCP is the Google EK/AK CA Root', () => {
  const { gcpTpm } = vendorRoots();
  expect(sha256(gcpTpm)).toBe('594759594b9b61524f6c8ef668f7177f7b9066bc0674f2f49fe9e052be78beb2');
  expect(hex(gcpTpm)).toBe(hex(parsePemChain(vectorText('roots/gcp-root-ca.pem'), 1)[0] ?? new Uint8Array()));
  expect(parseCertificate(gcpTpm).notAfter).toBe(Date.parse('2122-07-08T05:57:23Z') / 1000);
});

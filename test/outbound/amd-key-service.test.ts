import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPublishedCertificates } from '../../src/outbound/published-certificates.js';
import { CHIP_ID, NOW, pem } from '../attestation/sev-snp/mini-amd.js';
import { machine, verify } from '../attestation/sev-snp/machine.js';
import { type FakeServer, startFakeServer } from './support/http-fake.js';

const genoa = machine({ product: 'Genoa', keys: 'rsa' });
const leaf = `/vcek/v1/Genoa/${Buffer.from(CHIP_ID).toString('hex')}?blSPL=4&teeSPL=2&snpSPL=24&ucodeSPL=219`;
const chain = '/vcek/v1/Genoa/cert_chain';

let service: FakeServer;
beforeEach(async () => {
  service = await startFakeServer();
});
afterEach(() => service.close());

/** A report without certificates, verified with what the service has. */
const attempt = (answers: Readonly<Record<string, Uint8Array>>, certificates = createPublishedCertificates({ hosts: [], clock: () => NOW })) => {
  service.respond = (request, response) => {
    const body = answers[request.url ?? ''];
    response.writeHead(body === undefined ? 404 : 200).end(body);
  };
  return verify(genoa.report(), [], { roots: genoa.roots, certificates, kdsUrl: `${service.url}/vcek/v1` });
};
const honest = { [leaf]: genoa.leaf.der, [chain]: Buffer.concat([pem(genoa.intermediate.der), pem(genoa.root.der)]) };

describe('SEV-SNP reports whose certificates come from the key service', () => {
  it('are verified, though no host is allowed to certificates; the second one asks for nothing', async () => {
    const certificates = createPublishedCertificates({ hosts: [], clock: () => NOW });
    await expect(attempt(honest, certificates)).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
    expect(service.asked).toEqual([leaf, chain]);
    await expect(attempt({}, certificates)).resolves.toMatchObject({ tcbStatus: 'UpToDate' });
    expect(service.asked).toEqual([leaf, chain]);
  });

  it.each<[string, Readonly<Record<string, Uint8Array>>, string, string]>([
    ['a chip it does not know', {}, 'CollateralError', 'COLLATERAL_UNAVAILABLE'],
    ['an answer that is no certificate', { ...honest, [leaf]: Buffer.from('<html>') }, 'CollateralError', 'COLLATERAL_ANSWER_INVALID'],
    ['an answer beyond its size', { ...honest, [leaf]: new Uint8Array(16 * 1024 + 1) }, 'CollateralError', 'COLLATERAL_ANSWER_INVALID'],
    ['certificates of another machine', { ...honest, [leaf]: machine({ product: 'Genoa', keys: 'rsa' }).leaf.der }, 'VerificationError', 'CERTIFICATE_SIGNATURE_INVALID'],
  ])('are not with %s', async (_, answers, name, code) => {
    await expect(attempt(answers)).rejects.toMatchObject({ name, code });
  });
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { getCollateral, QuoteVerifier } from '@phala/dcap-qvl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pccsAnswer } from '../../src/simulator/pccs-answers.js';
import { collateral, NOW, pki, quoter, reportData, td } from './development.js';

let server: Server;
let base: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const { status, headers, body } = pccsAnswer(collateral, request.url ?? '');
    response.writeHead(status, headers).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  base = `http://127.0.0.1:${address.port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe('a PCCS of the development machine', () => {
  it('serves an existing client all it needs to accept a quote', async () => {
    const quote = quoter.quote(td, reportData);
    const fetched = await getCollateral(base, quote);
    expect(fetched).toMatchObject({ tcb_info: collateral.tcbInfo, qe_identity: collateral.qeIdentity, tcb_info_issuer_chain: collateral.tcbInfoIssuerChain });
    expect(QuoteVerifier.newWithRootCa(Buffer.from(pki.root)).verify(quote, fetched, NOW).status).toBe('UpToDate');
  });

  it('serves the older forms of the two documents', () => {
    const { headers, body } = pccsAnswer(collateral, '/sgx/certification/v4/tcb?fmspc=d5d5d5d5d5d5');
    expect(pccsAnswer(collateral, '/tdx/certification/v4/tcb?fmspc=D5D5D5D5D5D5')).toEqual({ status: 200, headers, body });
    expect(decodeURIComponent(headers['SGX-TCB-Info-Issuer-Chain'] ?? '')).toBe(collateral.tcbInfoIssuerChain);
    expect(pccsAnswer(collateral, '/sgx/certification/v4/qe/identity')).toEqual(pccsAnswer(collateral, '/tdx/certification/v4/qe/identity?update=standard'));
  });

  it.each([
    ['/tdx/certification/v4/tcb?fmspc=000000000000', 404],
    ['/tdx/certification/v4/tcb', 404],
    ['/sgx/certification/v4/pckcrl?ca=root&encoding=der', 400],
    ['/sgx/certification/v4/pckcrl?ca=platform', 400],
    ['/sgx/certification/v4/pckcert?qeid=00', 404],
    ['/', 404],
    ['', 404],
  ])('refuses %s', (target, status) => {
    expect(pccsAnswer(collateral, target).status).toBe(status);
  });
});

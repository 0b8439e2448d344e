import { mkdtempSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeAttestation } from '../../src/attestation/wire/decode.js';
import { createAgentEvidence } from '../../src/outbound/agent-evidence.js';
import { createAgentCall } from '../../src/outbound/agent-http.js';
import { machineOf, testApp } from '../app/support/development-kms.js';
import { type FakeServer, startFakeServer } from './support/http-fake.js';

const machine = machineOf(testApp('kms'));
const reportData = Uint8Array.from({ length: 64 }, (_, i) => i);
const noVsock = (): Promise<Socket> => Promise.reject(new Error('nobody there'));
const fakes: FakeServer[] = [];
afterEach(() => fakes.splice(0).forEach((fake) => fake.close()));

/** A guest agent as far as the KMS needs one. */
async function agent(path: string | null, attested: (asked: Uint8Array) => Uint8Array = (asked) => asked): Promise<FakeServer> {
  const fake = await startFakeServer(path);
  fakes.push(fake);
  fake.respond = ({ url }, response, body) => {
    if (url === '/Info?json') return void response.end(JSON.stringify({ vm_config: '{"os_image_hash":""}' }));
    const { report_data: asked } = JSON.parse(body) as { report_data: string };
    void machine.attest(attested(Buffer.from(asked, 'hex'))).then((attestation) => response.end(JSON.stringify({ attestation: Buffer.from(encodeAttestation(attestation)).toString('hex') })));
  };
  return fake;
}

describe('evidence from a guest agent', () => {
  it('is made for the report data that were asked for, over a unix socket and over HTTP', async () => {
    for (const path of [join(mkdtempSync(join(tmpdir(), 'agent-')), 'dstack.sock'), null]) {
      const { url } = await agent(path);
      const evidence = createAgentEvidence(createAgentCall(url));
      expect((await evidence.attest(reportData)).stack.reportData).toEqual(reportData);
      expect(await evidence.vmConfig()).toBe('{"os_image_hash":""}');
    }
  });

  it('comes over vsock too, from under a prefix', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'agent-')), 'vsock');
    const fake = await agent(path);
    const answer = fake.respond;
    fake.respond = (request, response, body) => answer(Object.assign(request, { url: request.url?.replace(/^\/api/, '') }), response, body);
    const dialled: unknown[] = [];
    const connector = async (address: unknown): Promise<Socket> => {
      dialled.push(address);
      return connect(path);
    };
    const evidence = createAgentEvidence(createAgentCall('vsock://3:8090/api/', connector));
    expect((await evidence.attest(reportData)).stack.reportData).toEqual(reportData);
    expect(fake.asked).toEqual(['/api/Attest?json']);
    expect(dialled).toEqual([{ cid: 3, port: 8090, deadlineMs: 10_000 }]);
    await expect(createAgentEvidence(createAgentCall('vsock://3:8090', noVsock)).attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_ABSENT' });
  });

  it('is refused when it is for other report data', async () => {
    const { url } = await agent(null, () => new Uint8Array(64));
    await expect(createAgentEvidence(createAgentCall(url)).attest(reportData)).rejects.toMatchObject({ name: 'EvidenceSourceError', code: 'DEVICE_FAILED' });
  });

  it.each([
    ['an error', 400, '{"error":"no device"}'],
    ['no JSON', 200, 'attestation'],
    ['null', 200, 'null'],
    ['no attestation', 200, '{}'],
    ['something that is none', 200, '{"attestation":"ff"}'],
    ['no hex', 200, '{"attestation":"0x00"}'],
  ])('fails on an answer that is %s', async (_name, status, text) => {
    const fake = await agent(null);
    fake.respond = (_request, response) => void response.writeHead(status).end(text);
    await expect(createAgentEvidence(createAgentCall(fake.url)).attest(reportData)).rejects.toMatchObject({ name: 'EvidenceSourceError', code: 'DEVICE_FAILED' });
  });

  it('is absent when nobody listens, and a caller can stop waiting', async () => {
    const missing = createAgentEvidence(createAgentCall(`unix:${join(tmpdir(), 'no-such-agent.sock')}`));
    await expect(missing.attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_ABSENT' });
    const fake = await agent(null);
    fake.respond = () => undefined;
    await expect(createAgentEvidence(createAgentCall(fake.url)).attest(reportData, AbortSignal.timeout(30))).rejects.toMatchObject({ name: 'EvidenceSourceError' });
  });

  it('has an address of a known kind', () => {
    for (const bad of ['', '/var/run/dstack.sock', 'vsock:3', 'vsock://2', 'vsock://2:0', 'vsock://4294967296:1', 'vsock://2:4294967296', 'vsock://2:80x', 'ftp://x', 'http://']) expect(() => createAgentCall(bad, noVsock), bad).toThrow(TypeError);
    expect(() => createAgentCall('vsock://2:8090')).toThrow(TypeError);
  });
});

import { readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { createKmsApp, type KmsApp } from '../../src/app/kms.js';
import type { KmsOverrides } from '../../src/app/kms-services.js';
import { attestationFromCertificate } from '../../src/attestation/ra-tls/binding.js';
import { attestedClient, clock, configOf, createWorkspace, IMAGE, machineOf, testApp, type TestApp, type Workspace } from './support/development-kms.js';
import { portOf } from './support/recorded-kms.js';
import { TlsClient } from './support/tls-client.js';

const running: KmsApp[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.stop(500)));
});

async function start(workspace: Workspace, core: Record<string, unknown> = {}, overrides: KmsOverrides = {}): Promise<{ app: KmsApp; port: number }> {
  const app = createKmsApp(configOf(workspace, core), { clock, ...overrides });
  running.push(app);
  await app.start();
  return { app, port: portOf(app) };
}

const post = async (port: number, method: string, message: unknown): Promise<{ status: number; body: Record<string, unknown> }> => {
  const answer = await fetch(`http://127.0.0.1:${port}/prpc/Onboard.${method}?json`, { method: 'POST', body: JSON.stringify(message) });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

/** Registers the KMS by what it says to register, and applications. */
async function register(port: number, { policyFile }: Workspace, apps: readonly TestApp[]): Promise<Record<string, unknown>> {
  const { body } = await post(port, 'GetAttestationInfo', {});
  const policy = {
    gatewayAppId: 'any',
    osImages: [body['os_image_hash'], IMAGE.toString('hex')],
    kms: { mrAggregated: [body['mr_aggregated']], allowAnyDevice: true },
    apps: Object.fromEntries(apps.map(({ appId, composeHash }) => [`0x${appId.toString('hex').toUpperCase()}`, { composeHashes: [composeHash.toString('hex')], allowAnyDevice: true }])),
  };
  writeFileSync(policyFile, JSON.stringify(policy));
  return body;
}

const snapshot = (directory: string): Record<string, string> =>
  Object.fromEntries(readdirSync(directory).sort().map((name) => [name, readFileSync(join(directory, name)).toString('hex')]));

async function serving(app: KmsApp): Promise<number> {
  const deadline = Date.now() + 10_000;
  while (app.life !== 'serving' && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(app.life).toBe('serving');
  return portOf(app);
}

describe('the two lives of a KMS', () => {
  it('bootstraps over HTTP, switches to RA-TLS on the same port and releases keys', async () => {
    const workspace = createWorkspace();
    const { app, port } = await start(workspace);
    expect(app.life).toBe('onboarding');
    const client = testApp('app');
    const info = await register(port, workspace, [client]);
    expect(Object.keys(info)).toEqual(['device_id', 'mr_aggregated', 'os_image_hash', 'tee_variant', 'site_name', 'eth_rpc_url', 'kms_contract_address', 'ppid', 'attestation_mode']);
    expect(info).toMatchObject({ tee_variant: 'dstack-tdx', attestation_mode: 'dstack-tdx' });

    const made = await post(port, 'Bootstrap', { domain: 'localhost' });
    expect(made.status).toBe(200);
    expect(Object.keys(made.body)).toEqual(['ca_pubkey', 'k256_pubkey', 'attestation', 'publicKey', 'measurement']);
    expect(made.body['publicKey']).toBe(made.body['k256_pubkey']);
    expect(made.body['measurement']).toBe(info['mr_aggregated']);

    const finished = await fetch(`http://127.0.0.1:${port}/finish`);
    expect({ status: finished.status, text: await finished.text() }).toEqual({ status: 200, text: 'OK' });
    expect(await serving(app)).toBe(port);

    const root = readFileSync(join(workspace.keys, 'root-ca.crt'), 'utf8');
    const anonymous = new TlsClient(port, null, root);
    const meta = (await anonymous.call('GetMeta')).json();
    expect(meta).toMatchObject({ is_dev: false, gateway_app_id: 'any', k256_pubkey: made.body['k256_pubkey'], bootstrap_info: made.body });
    expect((await anonymous.get('/health')).body.toString()).toBe('OK');
    for (const path of ['/finish', '/', '/prpc/Onboard.Bootstrap', '/dstack.kms.v1.Onboard/Bootstrap']) expect((await anonymous.get(path)).status, path).toBeGreaterThanOrEqual(400);
    anonymous.close();

    const attested = await attestedClient(port, machineOf(client));
    const key = (await attested.call('getKey', { name: 'my-api-key' })).json()['key'];
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    const raw = await attested.call('KMS.getKey', { name: 'my-api-key' }, { Accept: 'application/octet-stream' });
    expect(raw.body.toString('hex')).toBe(key);
    attested.close();
  });

  it('carries evidence for its own TLS key', async () => {
    const workspace = createWorkspace();
    const { app, port } = await start(workspace);
    await register(port, workspace, []);
    await post(port, 'Bootstrap', { domain: '10.1.2.3' });
    await post(port, 'Finish', {});
    await serving(app);
    const certificate = new X509Certificate(readFileSync(join(workspace.keys, 'rpc.crt')));
    expect(certificate.subjectAltName).toBe('IP Address:10.1.2.3');
    expect(attestationFromCertificate(certificate.raw)).toMatchObject({ usage: 'kms:rpc', attestation: { platform: { kind: 'tdx' } } });
  });

  it('refuses a second bootstrap and changes nothing', async () => {
    const workspace = createWorkspace();
    const { port } = await start(workspace);
    await register(port, workspace, []);
    const [first, second] = await Promise.all([post(port, 'Bootstrap', { domain: 'a.example' }), post(port, 'Bootstrap', { domain: 'b.example' })]);
    expect([first.status, second.status].sort()).toEqual([200, 400]);
    const before = snapshot(workspace.keys);
    const third = await post(port, 'Bootstrap', { domain: 'c.example' });
    expect(third).toMatchObject({ status: 400, body: { error: 'KMS has already been bootstrapped', code: 'INVALID_ARGUMENT' } });
    expect(snapshot(workspace.keys)).toEqual(before);
  });

  it('cannot be finished before it was bootstrapped, and serves on', async () => {
    const { app, port } = await start(createWorkspace());
    const url = await fetch(`http://127.0.0.1:${port}/finish`);
    expect(url.status).toBe(409);
    expect(await url.json()).toMatchObject({ code: 'NOT_READY', error: expect.any(String) });
    expect(await post(port, 'Finish', {})).toMatchObject({ status: 400, body: { code: 'NOT_READY' } });
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
    expect(app.life).toBe('onboarding');
  });

  it('bootstraps only where the policy lists it, and leaves no keys behind otherwise', async () => {
    const workspace = createWorkspace();
    const { port } = await start(workspace);
    expect(await post(port, 'Bootstrap', { domain: 'a.example' })).toMatchObject({
      status: 400,
      body: { code: 'INTERNAL_ERROR', error: 'KMS is not allowed to bootstrap: failed to call KMS auth check' },
    });
    writeFileSync(workspace.policyFile, '{}');
    expect(await post(port, 'Bootstrap', { domain: 'a.example' })).toMatchObject({
      status: 400,
      body: { code: 'MEASUREMENT_NOT_FOUND', error: 'KMS is not allowed to bootstrap: boot denied: OS image is not allowed' },
    });
    expect(readdirSync(workspace.keys)).toEqual([]);
    await register(port, workspace, []);
    expect((await post(port, 'Bootstrap', { domain: 'a.example' })).status).toBe(200);
  });

  it('does not join as a replica yet, and says so as for any method that does not exist', async () => {
    const { port } = await start(createWorkspace());
    expect(await post(port, 'Onboard', { source_url: 'https://a', domain: 'b' })).toMatchObject({ status: 400, body: { error: 'Service not found: Onboard' } });
  });

  it('serves its page without anything from elsewhere', async () => {
    const workspace = createWorkspace();
    const { port } = await start(workspace, { site_name: '<b>site</b>' });
    const page = await fetch(`http://127.0.0.1:${port}/`);
    const html = await page.text();
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(html).toContain('&lt;b&gt;site&lt;/b&gt;');
    expect(html).not.toMatch(/(src|href)=/);
  });

  it('goes straight to its second life when it has keys, with the same keys and a new certificate', async () => {
    const workspace = createWorkspace();
    const first = await start(workspace);
    await register(first.port, workspace, []);
    const made = await post(first.port, 'Bootstrap', { domain: 'localhost' });
    await first.app.stop(500);
    const before = snapshot(workspace.keys);
    const second = await start(workspace);
    expect(second.app.life).toBe('serving');
    const client = new TlsClient(second.port);
    expect((await client.call('GetMeta')).json()['k256_pubkey']).toBe(made.body['k256_pubkey']);
    client.close();
    const after = snapshot(workspace.keys);
    expect(after['rpc.crt']).not.toBe(before['rpc.crt']);
    expect({ ...after, 'rpc.crt': '' }).toEqual({ ...before, 'rpc.crt': '' });
  });

  it('bootstraps by itself for a configured domain', async () => {
    const workspace = createWorkspace();
    const policy = { type: 'dev' };
    const { app } = await start(workspace, { auth_api: policy, onboard: { address: '127.0.0.1', port: 0, auto_bootstrap_domain: 'auto.example' } });
    expect(app.life).toBe('serving');
    expect(readdirSync(workspace.keys).sort()).not.toContain('bootstrap-info.json');
    expect(new X509Certificate(readFileSync(join(workspace.keys, 'rpc.crt'))).subjectAltName).toBe('DNS:auto.example');
  });

  it('refuses a directory with part of a key set and leaves it alone', async () => {
    const workspace = createWorkspace();
    const { app, port } = await start(workspace);
    await register(port, workspace, []);
    await post(port, 'Bootstrap', { domain: 'localhost' });
    await app.stop(500);
    unlinkSync(join(workspace.keys, 'rpc.key'));
    const before = snapshot(workspace.keys);
    await expect(start(workspace)).rejects.toMatchObject({ code: 'STORE_INCOMPLETE' });
    expect(snapshot(workspace.keys)).toEqual(before);
  });
});

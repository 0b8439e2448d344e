import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { encodeAttestation } from '../../src/attestation/wire/decode.js';
import { stripForCertificate } from '../../src/attestation/wire/strip.js';
import type { EvidenceSource } from '../../src/attestation/evidence/evidence-source.js';
import { P256Key } from '../../src/crypto/p256.js';
import { p256KeyToPem } from '../../src/crypto/p256-pem.js';
import { certificateReportData } from '../../src/crypto/report-data.js';
import { loadCertificateAuthority } from '../../src/x509/certificate-authority.js';
import { decodeCsr } from '../../src/x509/csr.js';
import { certificatePem } from '../../src/x509/pem.js';
import { appCaKey, issueAppCa } from '../../src/x509/profiles/app-ca.js';
import { issueAppLeaf } from '../../src/x509/profiles/app-leaf.js';
import { issueKmsRpc } from '../../src/x509/profiles/kms-rpc.js';
import { issueRootCa } from '../../src/x509/profiles/root-ca.js';
import { issueTempCa } from '../../src/x509/profiles/temp-ca.js';
import { defaultValidity } from '../../src/x509/validity.js';

const scalar = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const NOW = Math.floor(Date.now() / 1000);
const validity = defaultValidity(NOW);

export const ROOT_KEY = new P256Key(scalar(1));
export const ROOT_PEM = certificatePem(issueRootCa(ROOT_KEY, validity));
const TEMP_KEY = new P256Key(scalar(2));
const TEMP_PEM = certificatePem(issueTempCa(TEMP_KEY, validity));
const RPC_KEY = new P256Key(scalar(3));

export const APP_KEY_ANSWER = {
  ca_cert: ROOT_PEM,
  disk_crypt_key: '11'.repeat(32),
  env_crypt_key: '22'.repeat(32),
  k256_key: '33'.repeat(32),
  k256_signature: '44'.repeat(65),
  tproxy_app_id: 'any',
  gateway_app_id: 'any',
  os_image_hash: '55'.repeat(32),
};

export interface TestKmsOptions {
  /** null: a certificate without attestation. */
  readonly evidence: EvidenceSource | null;
  readonly domain?: string;
  /** Certificate instead of the usual one: another usage, another key in the evidence. */
  readonly certificate?: string;
  /** Answers by method instead of the usual ones. */
  readonly answers?: Readonly<Record<string, { readonly status: number; readonly body: string } | 'silence'>>;
}

export interface ReceivedCall {
  readonly method: string;
  readonly body: Record<string, unknown>;
  /** DER of the client certificate, empty for none. */
  readonly client: Uint8Array;
}

/** The wire side of a KMS with made-up answers, over real TLS. */
export interface TestKms {
  readonly url: string;
  readonly calls: ReceivedCall[];
  stop(): Promise<void>;
}

export async function kmsCertificate(evidence: EvidenceSource | null, domain: string, boundTo = RPC_KEY.spki): Promise<string> {
  const attestation = evidence === null ? null : encodeAttestation(stripForCertificate(await evidence.attest(certificateReportData(boundTo))));
  const root = loadCertificateAuthority(ROOT_PEM, ROOT_KEY);
  return certificatePem(issueKmsRpc({ domain, spki: RPC_KEY.spki, attestation, validity }, root));
}

export async function startTestKms(options: TestKmsOptions): Promise<TestKms> {
  const calls: ReceivedCall[] = [];
  const cert = options.certificate ?? (await kmsCertificate(options.evidence, options.domain ?? 'localhost'));
  const server = createServer({ key: p256KeyToPem(RPC_KEY), cert, ca: TEMP_PEM, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3' });
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const socket = request.socket as TLSSocket;
      const certificate = socket.getPeerCertificate(false).raw as Buffer | undefined;
      const method = /^\/prpc\/([A-Za-z]+)\?json$/.exec(request.url ?? '')?.[1] ?? '';
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      const client = certificate === undefined || !socket.authorized ? new Uint8Array() : Uint8Array.from(certificate);
      calls.push({ method, body, client });
      const answer = options.answers?.[method] ?? { status: 200, body: JSON.stringify(usualAnswer(method, body)) };
      if (answer === 'silence') return;
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `https://localhost:${port}`, calls, stop: () => stopServer(server) };
}

function usualAnswer(method: string, body: Record<string, unknown>): unknown {
  switch (method) {
    case 'GetTempCaCert':
      return { temp_ca_cert: TEMP_PEM, temp_ca_key: p256KeyToPem(TEMP_KEY), ca_cert: ROOT_PEM };
    case 'GetAppKey':
      return APP_KEY_ANSWER;
    case 'GetKey':
      return { key: '66'.repeat(32) };
    case 'SignCert':
      return { certificate_chain: signedChain(Buffer.from(String(body['csr']), 'hex')) };
    default:
      return {};
  }
}

function signedChain(csr: Uint8Array): string[] {
  const { config, spki } = decodeCsr(csr, 2);
  const appId = new Uint8Array(20).fill(0x11);
  const ca = issueAppCa(appCaKey(ROOT_KEY.scalar, appId), appId, validity, loadCertificateAuthority(ROOT_PEM, ROOT_KEY));
  const leaf = issueAppLeaf(
    {
      subject: { organization: null, commonName: config.subject },
      spki,
      subjectAltNames: config.subjectAltNames,
      serverAuth: config.serverAuth,
      clientAuth: config.clientAuth,
      appId,
      appInfo: null,
      attestation: null,
      validity,
    },
    ca,
  );
  return [certificatePem(leaf), ca.certificatePem, ROOT_PEM];
}

async function stopServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

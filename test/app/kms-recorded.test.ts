import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCertificate } from '../../src/x509/certificate.js';
import { parsePemChain } from '../../src/x509/pem.js';
import { identityOf, recordedConfig, recordedKeyDirectory, type RunningKms, startKms, vectorText } from './support/recorded-kms.js';
import { TlsClient } from './support/tls-client.js';

interface RecordedCall {
  readonly case: string;
  readonly method: string;
  readonly request: Record<string, unknown>;
  readonly client_certificate: boolean;
  readonly status: number;
  readonly answer: Record<string, unknown>;
}

const recorded = JSON.parse(vectorText('kms/recorded.json')) as RecordedCall[];
const directory = recordedKeyDirectory();
let kms: RunningKms;
let attested: TlsClient;
let anonymous: TlsClient;

beforeAll(async () => {
  kms = await startKms(recordedConfig(directory));
  attested = new TlsClient(kms.port, identityOf(vectorText('kms/client.pem')));
  anonymous = new TlsClient(kms.port);
});

afterAll(async () => {
  attested.close();
  anonymous.close();
  await kms.app.stop(1000);
});

/** What an answer must be, given the recorded one: ours may have more keys, never others or in another order. */
const PREDICTABLE = { timestamp: null, signature_v1: null };

describe('a KMS on the key directory of an existing one', () => {
  it.each(recorded.filter(({ method, status }) => status === 200 && method !== 'SignCert'))('gives the same answer: $case', async (call) => {
    const answer = await (call.client_certificate ? attested : anonymous).call(call.method, call.request);
    expect(answer.status).toBe(200);
    const got = answer.json();
    expect(Object.keys(got).slice(0, Object.keys(call.answer).length)).toEqual(Object.keys(call.answer));
    const masked = 'timestamp' in call.answer ? PREDICTABLE : {};
    expect({ ...got, ...masked }).toMatchObject({ ...call.answer, ...masked });
  });

  it.each(recorded.filter(({ status }) => status === 400))('refuses with the same text first: $case', async (call) => {
    const answer = await (call.client_certificate ? attested : anonymous).call(call.method, call.request);
    expect(answer.status).toBe(400);
    const got = answer.json();
    expect(Object.keys(got)).toEqual(['error', 'code']);
    // What a JSON parser has to say about malformed text is its own affair.
    const expected = String(call.answer['error']).replace(/(Failed to parse vm config: ).*/, '$1');
    expect(String(got['error']).startsWith(expected)).toBe(true);
  });

  it.each(recorded.filter(({ method, status }) => status === 200 && method === 'SignCert'))('signs the same chain: $case', async (call) => {
    const answer = await (call.client_certificate ? attested : anonymous).call(call.method, call.request);
    expect(answer.status).toBe(200);
    const chain = answer.json()['certificate_chain'] as string[];
    const expected = call.answer['certificate_chain'] as string[];
    expect(chain.map(fieldsOf)).toEqual(expected.map(fieldsOf));
    expect(chain.at(-1)).toBe(expected.at(-1));
  });

  it('leaves keys and lasting certificates of the directory as they were', () => {
    for (const name of readdirSync(directory)) {
      const now = readFileSync(join(directory, name), 'latin1');
      if (name === 'rpc.crt') expect(now).not.toBe(vectorText(`kms/dir/${name}`));
      else expect(Buffer.from(now, 'latin1').equals(readFileSync(new URL(`../vectors/kms/dir/${name}`, import.meta.url)))).toBe(true);
    }
  });
});

/** Everything of a certificate but signature and times, except for validity that was asked for. */
function fieldsOf(pem: string): unknown {
  const [der = new Uint8Array()] = parsePemChain(pem, 1);
  const { serial, issuerRaw, subjectRaw, spki, extensions, signatureAlgorithmOid, notBefore, notAfter } = parseCertificate(der);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    serial: hex(serial),
    issuer: hex(issuerRaw),
    subject: hex(subjectRaw),
    spki: hex(spki),
    extensions: [...extensions].map(([oid, { critical, value }]) => [oid, critical, hex(value)]),
    signatureAlgorithmOid,
    notBefore,
    // Ten years from when the certificate was made, unless asked for.
    notAfter: notAfter > 1_795_440_000 + 3649 * 86_400 ? 'default' : notAfter,
  };
}

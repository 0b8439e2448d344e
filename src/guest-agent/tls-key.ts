import type { Asker, EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { type P256Key, p256ChildKey, randomP256Key } from '../crypto/p256.js';
import { p256KeyToPem } from '../crypto/p256-pem.js';
import { certificateReportData } from '../crypto/report-data.js';
import { invalidArgument } from '../errors/service-error.js';
import { withContext } from '../errors/with-context.js';
import type { CertSigner, WantedCertificate } from './cert-signer.js';

/** A key with its certificates, as GetTlsKey and Tappd.DeriveKey answer. */
export interface TlsKey {
  /** PKCS#8 PEM, P-256. */
  readonly key: string;
  /** PEM, leaf first, root last. */
  readonly certificateChain: string[];
}

export interface TlsKeys {
  /** A key nobody had before. @throws ServiceError INVALID_ARGUMENT, and as the signer */
  fresh(wanted: WantedCertificate, signal?: AbortSignal, asker?: Asker): Promise<TlsKey>;
  /** The key of that path, the same at every call (spec/guest-agent.md section 7). */
  derived(path: string, wanted: WantedCertificate, signal?: AbortSignal, asker?: Asker): Promise<TlsKey>;
}

export interface TlsKeysOptions {
  readonly evidence: EvidenceSource;
  readonly signer: CertSigner;
  /** The application's secp256k1 key, 32 bytes: parent of derived keys. */
  readonly k256Key: Uint8Array;
  readonly random: (length: number) => Uint8Array;
}

const MAX_SUBJECT = 1024;
const MAX_ALT_NAMES = 256;
const MAX_ALT_NAME = 255;
/** 9999-12-31T23:59:59Z, the last second a certificate can name (RFC 5280 section 4.1.2.5). */
const LAST_SECOND = 253_402_300_799n;

export function createTlsKeys({ evidence, signer, k256Key, random }: TlsKeysOptions): TlsKeys {
  const certified = async (key: P256Key, wanted: WantedCertificate, signal?: AbortSignal, asker?: Asker): Promise<TlsKey> => {
    const attest = async (): ReturnType<EvidenceSource['attest']> => {
      try {
        return await evidence.attest(certificateReportData(key.spki), signal, asker);
      } catch (error) {
        throw withContext(error, 'Failed to get certificate attestation');
      }
    };
    return { key: p256KeyToPem(key), certificateChain: [...(await signer.sign({ ...wanted, key, attest }, signal))] };
  };
  return {
    async fresh(wanted, signal, asker) {
      checkWanted(wanted);
      return certified(randomP256Key(random), wanted, signal, asker);
    },
    async derived(path, wanted, signal, asker) {
      checkWanted(wanted);
      return certified(p256ChildKey(k256Key, [Buffer.from(path, 'utf8')]), wanted, signal, asker);
    },
  };
}

/** @throws ServiceError INVALID_ARGUMENT naming the field */
function checkWanted({ subject, altNames, notBefore, notAfter }: WantedCertificate): void {
  if (notBefore !== null && notAfter !== null && notBefore >= notAfter) throw invalidArgument('not_before must be earlier than not_after');
  for (const [name, time] of [['not_before', notBefore], ['not_after', notAfter]] as const) {
    if (time !== null && time > LAST_SECOND) throw invalidArgument(`${name} is after the year 9999`);
  }
  if (Buffer.byteLength(subject) > MAX_SUBJECT) throw invalidArgument(`subject is longer than ${MAX_SUBJECT} bytes`);
  if (altNames.length > MAX_ALT_NAMES) throw invalidArgument(`more than ${MAX_ALT_NAMES} alt_names`);
  if (altNames.some((name) => Buffer.byteLength(name) > MAX_ALT_NAME)) throw invalidArgument(`an entry of alt_names is longer than ${MAX_ALT_NAME} bytes`);
}

import { constants, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import { exists, isDirectory, readAttribute, readBounded, systemCode } from './device-file.js';

/** What kernels called the file the report data go to, and those the answer is in, newest first (spec/attestation.md section 1.9). */
const INPUTS = ['inblob', 'reportdata', 'report_data'] as const;
const OUTPUTS = ['outblob', 'report'] as const;
const CERTIFICATES = ['certs', 'cert_chain', 'auxblob'] as const;

const MAX_REPORT_BYTES = 4096;
const MAX_CERTIFICATE_BYTES = 256 * 1024;

export interface SnpTsmReport {
  readonly report: Uint8Array;
  /** The kernel's certificate table, empty when the host keeps none. */
  readonly certificates: Uint8Array;
}

/**
 * A report through a configfs-tsm entry of this process alone, which stays; null where the kernel has no configfs-tsm. Neither what the
 * report says nor its length is looked at.
 * @param entryName `dstack-<process id>`
 * @param reportData 64 bytes
 * @throws EvidenceSourceError
 */
export async function readSnpTsmReport(base: string, entryName: string, reportData: Buffer): Promise<SnpTsmReport | null> {
  if (!(await isDirectory(base))) return null;
  const entry = join(base, entryName);
  await make(entry);
  const provider = await readAttribute(join(entry, 'provider'));
  if (provider !== 'sev_guest' && provider !== 'sev-guest') throw new EvidenceSourceError('DEVICE_FAILED', `no SEV-SNP provider at ${entry}`);
  await writeReportData(await firstOf(entry, INPUTS), reportData);
  const written = await generation(entry);
  const report = await readBounded(await firstOf(entry, OUTPUTS), MAX_REPORT_BYTES);
  const certificates = await firstNotEmpty(entry);
  // Nobody else has business in this entry; were somebody there even so, report and certificates could be of two requests.
  if ((await generation(entry)) !== written) throw new EvidenceSourceError('DEVICE_BUSY', `another writer used ${entry} at the same time`);
  return { report: report ?? new Uint8Array(), certificates };
}

async function make(entry: string): Promise<void> {
  try {
    await mkdir(entry, { recursive: false });
  } catch (cause) {
    if (systemCode(cause) !== 'EEXIST') throw new EvidenceSourceError('DEVICE_FAILED', `cannot create ${entry}`, { cause });
  }
}

async function firstOf(entry: string, names: readonly string[]): Promise<string> {
  for (const name of names) if (await exists(join(entry, name))) return join(entry, name);
  throw new EvidenceSourceError('DEVICE_FAILED', `${entry} has none of ${names.join(', ')}`);
}

/** Raw, or as hex text, which is what some kernels take instead. */
async function writeReportData(path: string, reportData: Buffer): Promise<void> {
  try {
    await writeOnce(path, reportData);
  } catch {
    try {
      await writeOnce(path, Buffer.from(reportData.toString('hex'), 'latin1'));
    } catch (cause) {
      const code = systemCode(cause) === 'EBUSY' ? 'DEVICE_BUSY' : 'DEVICE_FAILED';
      throw new EvidenceSourceError(code, `cannot write ${path}`, { cause });
    }
  }
}

/** configfs takes what one write gave when the descriptor is closed, so an error of close(2) is one of the write. */
async function writeOnce(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, constants.O_WRONLY);
  let taken = 0;
  try {
    ({ bytesWritten: taken } = await file.write(bytes, 0, bytes.length, null));
  } finally {
    await file.close();
  }
  if (taken !== bytes.length) throw new EvidenceSourceError('DEVICE_FAILED', `${path}: ${taken} of ${bytes.length} bytes were taken`);
}

/** Kernels without configfs-tsm's counter have no file of this name. */
function generation(entry: string): Promise<string | null> {
  return readAttribute(join(entry, 'generation'));
}

async function firstNotEmpty(entry: string): Promise<Uint8Array> {
  for (const name of CERTIFICATES) {
    const bytes = await readBounded(join(entry, name), MAX_CERTIFICATE_BYTES).catch(() => null);
    if (bytes !== null && bytes.length > 0) return bytes;
  }
  return new Uint8Array();
}

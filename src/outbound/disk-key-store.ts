import { lstat, mkdir, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { KeyStoreError } from '../errors/key-store-error.js';
import type { CertificateFile, KeyStore, StoredKeySet } from '../kms/key-store.js';
import { DurableFiles, type StepObserver } from './durable-files.js';

interface KeyFile {
  readonly name: string;
  readonly field: keyof StoredKeySet;
  readonly mode: number;
  /** Part of the test for a complete directory (spec/kms.md section 1, seven files). */
  readonly required: boolean;
}

/** In publishing order. Names and content are those of spec/kms.md section 3. */
const FILES: readonly KeyFile[] = [
  { name: 'rpc-domain', field: 'rpcDomain', mode: 0o644, required: false },
  { name: 'bootstrap-info.json', field: 'bootstrapInfo', mode: 0o644, required: false },
  { name: 'tmp-ca.crt', field: 'tmpCaCert', mode: 0o644, required: true },
  { name: 'root-ca.crt', field: 'rootCaCert', mode: 0o644, required: true },
  { name: 'rpc.crt', field: 'rpcCert', mode: 0o644, required: true },
  { name: 'tmp-ca.key', field: 'tmpCaKey', mode: 0o600, required: true },
  { name: 'rpc.key', field: 'rpcKey', mode: 0o600, required: true },
  { name: 'root-ca.key', field: 'rootCaKey', mode: 0o600, required: true },
  { name: 'root-k256.key', field: 'rootK256Key', mode: 0o600, required: true },
];

/** Being filled; worthless until it is renamed. */
const STAGING = '.bootstrap-staging';
/** Complete and durable; the rename that gives it this name is the commit. */
const COMMITTED = '.bootstrap-committed';
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Key directory of spec/kms.md section 3 with an all-or-nothing first write.
 *
 * `create` fills a staging directory, makes it durable, renames it (the commit), then moves its files into place.
 * `state` undoes an uncommitted attempt and finishes a committed one, so a crash at any point leaves either
 * no keys or all of them. A directory another KMS left half-written carries no staging directory and is refused.
 */
export function createDiskKeyStore(directory: string, observe?: StepObserver): KeyStore {
  const files = new DurableFiles(observe);
  return {
    state: () => guarded(() => recoverAndInspect(directory, files)),
    load: () => guarded(() => load(directory)),
    create: (keys) => guarded(() => create(directory, files, keys)),
    replaceCertificate: (file, pem) => guarded(() => replaceCertificate(directory, files, file, pem)),
  };
}

async function guarded<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof KeyStoreError) throw cause;
    throw new KeyStoreError('STORE_FAILED', 'key directory is not usable', { cause });
  }
}

async function recoverAndInspect(directory: string, files: DurableFiles): Promise<'empty' | 'complete'> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const entries = new Set(await readdir(directory));
  if (entries.has(STAGING)) await discard(directory, files);
  if (entries.has(COMMITTED)) await publish(directory, files);
  return inspect(directory);
}

async function inspect(directory: string): Promise<'empty' | 'complete'> {
  const entries = new Set(await readdir(directory));
  const required = FILES.filter((file) => file.required);
  const missing = required.filter((file) => !entries.has(file.name));
  if (missing.length === 0) return 'complete';
  if (missing.length === required.length) return 'empty';
  const names = missing.map((file) => file.name).join(', ');
  throw new KeyStoreError('STORE_INCOMPLETE', `${directory} holds part of a key set (missing: ${names}); restore it from a backup or empty it by hand`);
}

async function discard(directory: string, files: DurableFiles): Promise<void> {
  const staging = join(directory, STAGING);
  for (const name of await readdir(staging)) await files.remove(join(staging, name));
  await files.removeDirectory(staging, directory);
}

/** Moves every file of the committed set that is not in place yet; safe to repeat. */
async function publish(directory: string, files: DurableFiles): Promise<void> {
  const committed = join(directory, COMMITTED);
  const waiting = new Set(await readdir(committed));
  for (const { name, required } of FILES) {
    if (!waiting.has(name)) continue;
    if (required && (await exists(join(directory, name)))) {
      throw new KeyStoreError('STORE_NOT_EMPTY', `${name} exists in ${directory} and in ${COMMITTED}; one of them must be removed by hand`);
    }
    await files.rename(join(committed, name), join(directory, name), [committed, directory]);
  }
  await files.removeDirectory(committed, directory);
}

async function create(directory: string, files: DurableFiles, keys: StoredKeySet): Promise<void> {
  if ((await recoverAndInspect(directory, files)) !== 'empty') throw new KeyStoreError('STORE_NOT_EMPTY', `${directory} holds keys already`);
  const staging = join(directory, STAGING);
  await files.makeDirectory(staging, directory);
  for (const { name, field, mode } of FILES) {
    const content = keys[field];
    if (content !== null) await files.writeNew(join(staging, name), content, mode);
  }
  await files.syncDirectory(staging);
  await files.rename(staging, join(directory, COMMITTED), [directory]);
  await publish(directory, files);
}

async function load(directory: string): Promise<StoredKeySet> {
  if ((await inspect(directory)) !== 'complete') throw new KeyStoreError('STORE_INCOMPLETE', `${directory} holds no keys`);
  const text = async (name: string): Promise<string> => (await bounded(join(directory, name))).toString('utf8');
  const optional = async (name: string): Promise<string | null> => ((await exists(join(directory, name))) ? text(name) : null);
  const rootK256Key = new Uint8Array(await bounded(join(directory, 'root-k256.key')));
  if (rootK256Key.length !== 32) throw new KeyStoreError('STORE_MALFORMED', `root-k256.key holds ${rootK256Key.length} bytes, not 32`);
  return {
    tmpCaKey: await text('tmp-ca.key'),
    tmpCaCert: await text('tmp-ca.crt'),
    rootCaKey: await text('root-ca.key'),
    rootCaCert: await text('root-ca.crt'),
    rpcKey: await text('rpc.key'),
    rpcCert: await text('rpc.crt'),
    rootK256Key,
    rpcDomain: (await optional('rpc-domain'))?.trim() ?? null,
    bootstrapInfo: await optional('bootstrap-info.json'),
  };
}

async function replaceCertificate(directory: string, files: DurableFiles, file: CertificateFile, pem: string): Promise<void> {
  const temporary = join(directory, `.${file}.new`);
  // A leftover of an interrupted replacement; it was never the certificate.
  await unlink(temporary).catch(() => undefined);
  await files.writeNew(temporary, pem, 0o644);
  await files.rename(temporary, join(directory, file), [directory]);
}

async function bounded(path: string): Promise<Buffer> {
  const { size } = await lstat(path);
  if (size > MAX_FILE_BYTES) throw new KeyStoreError('STORE_MALFORMED', `${path} is larger than ${MAX_FILE_BYTES} bytes`);
  return readFile(path);
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      // Only a clear "no such file" may count as absent; anything else must not lead to new keys.
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}

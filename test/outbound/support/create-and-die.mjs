// Child of disk-key-store.test.ts: creates a key set and kills itself with SIGKILL at step `dieAt`.
import { createDiskKeyStore } from '../../../dist/src/outbound/disk-key-store.js';

const [directory, dieAt, keysJson] = process.argv.slice(2);
const keys = JSON.parse(keysJson);
let step = 0;
const store = createDiskKeyStore(directory, () => {
  if (step++ === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
});
if ((await store.state()) === 'empty') await store.create({ ...keys, rootK256Key: Buffer.from(keys.rootK256Key, 'hex') });
process.stdout.write(`${step}`);

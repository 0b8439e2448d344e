// Child of kms-killed.test.ts: a KMS in onboard mode whose process kills itself with SIGKILL at disk step `dieAt`.
import { createKmsApp } from '../../../dist/src/app/kms.js';
import { parseKmsConfig } from '../../../dist/src/config/kms-config.js';
import { createDiskKeyStore } from '../../../dist/src/outbound/disk-key-store.js';

const [configJson, now, dieAt] = process.argv.slice(2);
const config = parseKmsConfig(JSON.parse(configJson), 'test configuration');
let step = 0;
const keyStore = createDiskKeyStore(config.certDir, () => {
  if (step++ === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
});
const app = createKmsApp(config, { keyStore, clock: () => Number(now) });
await app.start();
process.stdout.write(`${app.address.port}\n`);

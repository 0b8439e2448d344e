// Child of collateral-directory.test.ts: writes a file of collateral and kills itself with SIGKILL at step `dieAt`.
import { readFileSync } from 'node:fs';
import { parseCollateralJson } from '../../../dist/src/attestation/dcap/collateral-format.js';
import { createCollateralDirectory } from '../../../dist/src/outbound/collateral-directory.js';

const [directory, key, dieAt, file] = process.argv.slice(2);
let step = 0;
const store = createCollateralDirectory(directory, () => {
  if (step++ === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
});
await store.write(key, parseCollateralJson(readFileSync(file, 'utf8')));
process.stdout.write(`${step}`);

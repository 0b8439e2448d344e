// Refuses source files above 400 lines and names those above 250; generated code and tables of vectors do not count.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const REFUSE = 400;
const LOOK_TWICE = 250;
let failed = false;
for (const folder of ['src', 'native', 'test', 'bench', 'fuzz', 'scripts']) {
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (!entry.isFile() || !/\.(ts|mjs|cc|h|py|go|rs)$/.test(entry.name) || path.includes('node_modules') || path.includes('/target/')) continue;
    const lines = readFileSync(path, 'utf8').split('\n').length - 1;
    if (lines > LOOK_TWICE) console.log(`${lines > REFUSE ? 'too long' : 'look twice'}: ${path.slice(root.length + 1)} has ${lines} lines`);
    failed ||= lines > REFUSE;
  }
}
process.exit(failed ? 1 : 0);

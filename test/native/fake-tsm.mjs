// Stands in for the kernel behind one configfs-tsm entry made of plain files: waits for the 64 bytes of
// report data in `inblob`, then serves `outblob` and moves `generation`. Ends when its stdin does.
//   node fake-tsm.mjs <entry> <quote bytes> <generation step> <delay ms>
// The quote is the report data followed by zeros. Says "ready" when it watches, "served" when it served.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [entry, bytes, step, delay] = process.argv.slice(2);
const inblob = join(entry, 'inblob');

/** Whole or not at all, as the kernel's attributes are. */
function replace(name, content) {
  writeFileSync(join(entry, `.${name}`), content);
  renameSync(join(entry, `.${name}`), join(entry, name));
}

function serve(reportData) {
  const quote = Buffer.alloc(Number(bytes));
  reportData.copy(quote);
  replace('outblob', quote);
  const generation = BigInt(readFileSync(join(entry, 'generation'), 'utf8').trim());
  replace('generation', `${generation + BigInt(step)}\n`);
  process.stdout.write('served\n');
}

let served = Buffer.alloc(0);
setInterval(() => {
  const reportData = readFileSync(inblob);
  if (reportData.length !== 64 || reportData.equals(served)) return;
  served = reportData;
  setTimeout(() => serve(reportData), Number(delay));
}, 2);
process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.write('ready\n');

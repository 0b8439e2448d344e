// Stands in for the kernel behind one configfs-tsm entry made of plain files: waits for the 64 bytes of
// report data in `inblob`, then serves `outblob` and moves `generation`. Ends when its stdin does.
//   node fake-tsm.mjs <entry> <quote bytes> <generation step> <delay ms> [<quote to imitate>]
// The quote is the report data followed by zeros, or the given one with the report data in place. Says "ready" when it watches, "served" when it served.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [entry, bytes, step, delay, template] = process.argv.slice(2);
/** In a quote of version 4: a header of 48 bytes, then 520 bytes of the TD report before it. */
const REPORT_DATA_OFFSET = 568;
const inblob = join(entry, 'inblob');

/** Whole or not at all, as the kernel's attributes are. */
function replace(name, content) {
  writeFileSync(join(entry, `.${name}`), content);
  renameSync(join(entry, `.${name}`), join(entry, name));
}

function serve(reportData) {
  const quote = template === undefined ? Buffer.alloc(Number(bytes)) : readFileSync(template);
  reportData.copy(quote, template === undefined ? 0 : REPORT_DATA_OFFSET);
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

// Makes one call of the addon and prints what came of it as JSON. Byte arguments are given as {"hex": "…"}.
//   node call-addon.mjs <addon> <operation> <JSON arguments>
import { createRequire } from 'node:module';

const [addonPath, operation, json] = process.argv.slice(2);
const options = JSON.parse(json, (_, value) => (typeof value?.hex === 'string' ? Uint8Array.from(Buffer.from(value.hex, 'hex')) : value));
const began = performance.now();
const outcome = await createRequire(import.meta.url)(addonPath)[operation](options).then(
  (value) => ({ value: value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value }),
  (error) => ({ code: error.code, errno: error.errno, message: error.message }),
);
process.stdout.write(JSON.stringify({ ...outcome, ms: performance.now() - began }));

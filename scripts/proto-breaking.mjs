#!/usr/bin/env node
// Fails when proto/ breaks what was released: a field, method or file that was removed, renamed,
// renumbered or retyped (rules: `breaking` in buf.yaml). Works without a network.
//
// The released state is proto/baseline.binpb, an image of all files. It is renewed as part of a release
// and at no other time, after this check has passed:
//
//     npx buf build --exclude-source-info -o proto/baseline.binpb
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const buf = join(root, 'node_modules', '.bin', 'buf');
const run = spawnSync(buf, ['breaking', '--exclude-imports', '--against', join('proto', 'baseline.binpb')], { cwd: root, stdio: 'inherit' });
if (run.error) throw run.error;
process.exitCode = run.status ?? 1;

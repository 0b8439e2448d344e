// `npm test`: packages, build, then every test that needs nothing but Node, npm and a C++ compiler.
import { spawnSync } from 'node:child_process';
import { build, installPackages, root, tool } from './setup.mjs';

installPackages();
build();
const { status } = spawnSync(process.execPath, [tool('vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);

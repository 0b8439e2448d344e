// `npm run bench`: packages, build, then the benchmark.
import { build, installPackages } from './setup.mjs';

installPackages();
build();
await import('../dist/bench/run.js');

// `npm run fuzz -- <target|all> --seconds N`: packages, build, then the fuzzer.
import { build, installPackages } from './setup.mjs';

installPackages();
build();
await import('../dist/fuzz/run.js');

// `npm start`: packages, build, then the whole system on the development platform.
import { build, installPackages } from './setup.mjs';

installPackages();
build();
await import('../dist/src/bin/dev.js');

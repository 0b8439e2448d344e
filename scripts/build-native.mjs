// Compiles the native addon for this machine with the C++ compiler alone, into build/native/<platform>-<arch>/dstack_native.node.
// Everything it says goes to stderr.
import { compileAddon } from './native-compile.mjs';

if (process.platform === 'linux') await compileAddon(process.arch);
else console.error(`build-native: skipped, the evidence devices exist on Linux only (this is ${process.platform})`);

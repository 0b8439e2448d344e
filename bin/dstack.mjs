#!/usr/bin/env node
// The installed package ships dist/; a checkout that was never built builds itself first.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const entry = new URL('../dist/src/bin/dstack.js', import.meta.url);
if (!existsSync(fileURLToPath(entry))) {
  const { build, installPackages } = await import('../scripts/setup.mjs');
  installPackages();
  build();
}
await import(entry.href);

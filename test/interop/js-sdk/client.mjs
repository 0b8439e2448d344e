// The published npm package `@phala/dstack-sdk`, unmodified, against a running guest agent.
// INTEROP_SYSTEM names the JSON file that describes the system (test/interop/README.md).
import { readFileSync } from 'node:fs';
import { dstackClientChecks } from './dstack-client.mjs';
import { tappdClientChecks } from './tappd-client.mjs';

const system = JSON.parse(readFileSync(process.env.INTEROP_SYSTEM, 'utf8'));
await dstackClientChecks(system);
await tappdClientChecks(system);

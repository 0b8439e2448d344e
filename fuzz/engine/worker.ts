// The thread that runs inputs. Another one watches it (`supervise.ts`), since an input that hangs cannot be noticed from here.
import { register } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { installCounters } from './coverage.js';
import type { FuzzOrder, FuzzReport } from './messages.js';
import type { Target } from './target.js';

installCounters();
register('./instrument.js', import.meta.url);

const order = workerData as FuzzOrder;
const tell = (report: FuzzReport): void => parentPort?.postMessage(report);
const { target } = (await import(order.target)) as { readonly target: Target };
// Loaded only now: it knows modules that have to be counted.
const { FuzzSession } = await import('./session.js');
tell({ kind: 'done', summary: new FuzzSession(target, order, tell).run() });

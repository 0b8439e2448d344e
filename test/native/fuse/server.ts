// Serves the stand-ins for the kernel's evidence interfaces on the descriptor FUSE_FD; obeys its parent's messages (control.ts).
// Ends with its parent.
import { serve } from './session.js';
import { directory } from './nodes.js';
import type { Order, Seen } from './control.js';
import { imageHash } from './machine.js';
import { Nsm } from './nsm.js';
import { Swtpm } from './swtpm.js';
import { TdxGuest } from './tdx-guest.js';
import { TpmDevice } from './tpm-device.js';
import { TrustDomain } from './trust-domain.js';
import { Tsm } from './tsm.js';

const domain = new TrustDomain(imageHash);
const tsm = new Tsm({ evidence: (inblob) => domain.quote(inblob), auxiliary: null });
const guest = new TdxGuest(domain);
const nsm = new Nsm();
// Started by the first command.
const swtpm = new Swtpm(process.env['SWTPM_STATE'] ?? '');
const tpm = new TpmDevice(swtpm);

const root = directory({
  tsm: tsm.root,
  measurements: guest.measurements,
  dev: directory({ tdx_guest: guest.device, nsm: nsm.device, tpmrm0: tpm.device }),
});

async function obey(order: Order): Promise<Seen> {
  if (order.tsm !== undefined) tsm.set(order.tsm);
  if (order.rtmr !== undefined) guest.set(order.rtmr);
  if (order.nsm !== undefined) nsm.set(order.nsm);
  if (order.tpm !== undefined) tpm.set(order.tpm);
  if (order.reboot === true) {
    await swtpm.reset();
    domain.reset();
    nsm.reset();
    tsm.root.entries.clear();
  }
  return { inblobs: [...tsm.inblobs], reads: tsm.reads, rtmrs: domain.rtmrs, tpmCommands: [...tpm.commands], tpmLeaked: tpm.leaked };
}

process.on('message', (order: Order) => void obey(order).then((seen) => process.send?.(seen)));
// By a signal, because a thread of this process sits in a read of the descriptor and exit would wait for it.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

await serve(Number(process.env['FUSE_FD']), root);

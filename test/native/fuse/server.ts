// Serves the stand-ins for the kernel's evidence interfaces on the descriptor FUSE_FD; obeys its parent's messages (control.ts).
// Ends with its parent.
import { serve } from './session.js';
import { directory } from './nodes.js';
import type { Order, Seen } from './control.js';
import { imageHash } from './machine.js';
import { Nsm } from './nsm.js';
import { SnpGuest } from './snp-guest.js';
import { Swtpm } from './swtpm.js';
import { TdxGuest } from './tdx-guest.js';
import { TpmDevice } from './tpm-device.js';
import { TrustDomain } from './trust-domain.js';
import { Tsm } from './tsm.js';

const domain = new TrustDomain(imageHash);
const tsm = new Tsm({ name: 'tdx_guest', evidence: (inblob) => domain.quote(inblob), auxiliary: null });
const snp = new SnpGuest();
const guest = new TdxGuest(domain);
const nsm = new Nsm();
// Started by the first command.
const swtpm = new Swtpm(process.env['SWTPM_STATE'] ?? '');
const tpm = new TpmDevice(swtpm);

const root = directory({
  tsm: tsm.root,
  snp: snp.tsm.root,
  measurements: guest.measurements,
  dev: directory({ tdx_guest: guest.device, nsm: nsm.device, tpmrm0: tpm.device, 'sev-guest': snp.device }),
});

async function obey(order: Order): Promise<Seen> {
  if (order.tsm !== undefined) for (const each of [tsm, snp.tsm]) each.set(order.tsm);
  if (order.rtmr !== undefined) guest.set(order.rtmr);
  if (order.nsm !== undefined) nsm.set(order.nsm);
  if (order.snp !== undefined) snp.set(order.snp);
  if (order.tpm !== undefined) tpm.set(order.tpm);
  if (order.reboot === true) {
    await swtpm.reset();
    domain.reset();
    nsm.reset();
    for (const each of [tsm, snp.tsm]) each.root.entries.clear();
  }
  return { inblobs: [...tsm.inblobs, ...snp.tsm.inblobs], reads: tsm.reads + snp.tsm.reads, rtmrs: domain.rtmrs, tpmCommands: [...tpm.commands], tpmLeaked: tpm.leaked };
}

process.on('message', (order: Order) => void obey(order).then((seen) => process.send?.(seen)));
// By a signal, because a thread of this process sits in a read of the descriptor and exit would wait for it.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

await serve(Number(process.env['FUSE_FD']), root);

import type { DescService } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { GuestAgent } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { Tappd } from '../../../gen/dstack/guestagent/v1/tappd_pb.js';
import { Worker } from '../../../gen/dstack/guestagent/v1/worker_pb.js';
import { createAppKeyDeriver } from '../../../src/guest-agent/derive-key.js';
import { createMeasuredLog } from '../../../src/guest-agent/measured-log.js';
import { createQuoter } from '../../../src/guest-agent/quote.js';
import { createAppSigner } from '../../../src/guest-agent/sign.js';
import { createTaggedQuoter } from '../../../src/guest-agent/tagged-quote.js';
import { GUEST_AGENT_ACCESS, guestAgentBindings, guestAgentUrls } from '../../../src/handlers/guest-agent/bindings.js';
import { TAPPD_ACCESS, tappdBindings } from '../../../src/handlers/tappd/bindings.js';
import { WORKER_ACCESS, workerBindings, workerUrls } from '../../../src/handlers/worker/bindings.js';
import type { AccessTable } from '../../../src/http/access.js';
import { type MethodBinding, procedureName } from '../../../src/http/method.js';
import { CallTurns } from '../../../src/scheduling/call-turns.js';
import { fixtureEvidence, fixtureKeys } from '../../guest-agent/fixture.js';

const evidence = fixtureEvidence();
const keys = createAppKeyDeriver(fixtureKeys());
const quoter = createQuoter({ evidence, vmConfig: '', simulatorForm: true });
const build = { version: '1.2.3', rev: 'unknown' };
const unused = (): never => {
  throw new Error('not called by composing');
};
const tlsKeys = { fresh: unused, derived: unused };
const getInfo = unused;
const turns = new CallTurns();

const agent = { evidence, keys, tlsKeys, quoter, log: createMeasuredLog(evidence), signer: createAppSigner(keys), getInfo, readGpuInfo: unused, metrics: { text: () => '' }, build, turns };

describe('bindings', () => {
  it.each<[string, DescService, readonly MethodBinding[], readonly { procedure: string }[], AccessTable]>([
    ['GuestAgent', GuestAgent, guestAgentBindings(agent), guestAgentUrls(agent), GUEST_AGENT_ACCESS],
    ['Tappd', Tappd, tappdBindings({ keys, tlsKeys, quoter: createTaggedQuoter(quoter), getInfo, build, turns }), [], TAPPD_ACCESS],
    ['Worker', Worker, workerBindings({ getInfo, attestAppKey: unused, getPage: unused, build }), workerUrls({ getPage: unused }), WORKER_ACCESS],
  ])('of %s serve every method of the proto, each with an access rule and nothing beside', (_name, service, bindings, urls, access) => {
    expect(bindings.map(({ method }) => method.name).toSorted()).toEqual(service.methods.map(({ name }) => name).toSorted());
    const served = [...bindings.map(({ method }) => procedureName(method)), ...urls.map(({ procedure }) => procedure)];
    expect([...access.keys()].toSorted()).toEqual(served.toSorted());
  });
});

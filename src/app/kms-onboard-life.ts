import { Onboard } from '../../gen/dstack/kms/v1/onboard_pb.js';
import { ONBOARD_ACCESS, onboardBindings, onboardUrls } from '../handlers/onboard/bindings.js';
import type { Listener } from '../http/listen/listener.js';
import { listenTcp } from '../http/listen/tcp.js';
import { createRequestHandler } from '../http/request-handler.js';
import { Onboarding } from '../onboard/onboarding.js';
import { appVersionHeader } from './build-version.js';
import type { KmsServices } from './kms-services.js';
import { auditTo } from './log.js';

/** Milliseconds a call may take here: Bootstrap waits for hardware three times. */
const CALL_MS = 180_000;

export function createOnboarding({ config, store, evidence, verifier, rules, random, clock }: KmsServices): Onboarding {
  const { enforceSelfAuthorization, attestRpcCert } = config;
  return new Onboarding({ store, evidence, verifier, ...rules, enforceSelfAuthorization, attestRpcCert, random, clock });
}

/** Serves Onboard over plain HTTP. `requestSwitch` is called when an operator finished. */
export async function openOnboardLife(services: KmsServices, onboarding: Onboarding, requestSwitch: () => void): Promise<Listener> {
  const { config, evidence, verifier, policy, log, build } = services;
  const info = { evidence, verifier, authorizer: policy.authorizer, siteName: config.siteName };
  const dependencies = { onboarding, info, requestSwitch };
  const handler = createRequestHandler({
    bindings: onboardBindings(dependencies),
    prpc: [{ mount: '/prpc', trimPrefix: 'Onboard.', service: Onboard }],
    plain: onboardUrls(dependencies),
    access: ONBOARD_ACCESS,
    audit: auditTo(log),
    limits: { callMs: CALL_MS },
    headers: { 'X-App-Version': appVersionHeader(build) },
  });
  return listenTcp({ host: config.onboard.address, port: config.onboard.port }, { handler });
}

import { Onboard } from '../../../gen/dstack/kms/v1/onboard_pb.js';
import { type Access, type AccessTable, ANONYMOUS } from '../../http/access.js';
import { HEALTH_PROCEDURE, healthRoute } from '../../http/health-route.js';
import { bindMethod, type MethodBinding, procedureName } from '../../http/method.js';
import type { PlainRoute } from '../../http/plain-route.js';
import type { AttestationInfoDependencies } from '../../onboard/attestation-info.js';
import type { Onboarding } from '../../onboard/onboarding.js';
import { bootstrap } from './bootstrap.js';
import { FINISH_PROCEDURE, finishUrl } from './finish-url.js';
import { finish } from './finish.js';
import { getAttestationInfo } from './get-attestation-info.js';
import { PAGE_PROCEDURE, pageUrl } from './page-url.js';

export interface OnboardDependencies {
  readonly onboarding: Onboarding;
  readonly info: AttestationInfoDependencies;
  /** Ends onboarding once every answer under way has been delivered. */
  readonly requestSwitch: () => void;
}

export function onboardBindings({ onboarding, info, requestSwitch }: OnboardDependencies): MethodBinding[] {
  const { method } = Onboard;
  return [
    bindMethod(method.bootstrap, bootstrap(onboarding)),
    bindMethod(method.getAttestationInfo, getAttestationInfo(info)),
    bindMethod(method.finish, finish(onboarding, requestSwitch)),
  ];
}

export function onboardUrls({ onboarding, info, requestSwitch }: OnboardDependencies): PlainRoute[] {
  return [pageUrl(info.siteName), finishUrl(onboarding, requestSwitch), healthRoute()];
}

/** There is no authentication before there are keys (spec/kms.md section 8): the listener belongs on a private network. */
export const ONBOARD_ACCESS: AccessTable = new Map<string, Access>([
  [procedureName(Onboard.method.bootstrap), ANONYMOUS],
  [procedureName(Onboard.method.getAttestationInfo), ANONYMOUS],
  [procedureName(Onboard.method.finish), ANONYMOUS],
  [PAGE_PROCEDURE, ANONYMOUS],
  [FINISH_PROCEDURE, ANONYMOUS],
  [HEALTH_PROCEDURE, ANONYMOUS],
]);

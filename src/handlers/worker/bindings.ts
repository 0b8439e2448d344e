import { Worker } from '../../../gen/dstack/guestagent/v1/worker_pb.js';
import type { AppKeyAttester } from '../../guest-agent/app-key-attestation.js';
import type { GetAttestationPage } from '../../guest-agent/attestation-page.js';
import type { InstanceInfo } from '../../guest-agent/info.js';
import { type Access, type AccessTable, ANONYMOUS } from '../../http/access.js';
import { bindMethod, type MethodBinding, procedureName } from '../../http/method.js';
import { HEALTH_PROCEDURE, healthRoute } from '../../http/health-route.js';
import type { PlainRoute } from '../../http/plain-route.js';
import { info } from '../guest-agent/info.js';
import { type BuildVersion, version } from '../guest-agent/version.js';
import { attestationUrl } from './attestation-url.js';
import { getAttestationForAppKey } from './get-attestation-for-app-key.js';

export interface WorkerDependencies {
  /** What strangers may see of the instance. */
  readonly getInfo: () => Promise<InstanceInfo>;
  readonly attestAppKey: AppKeyAttester;
  readonly getPage: GetAttestationPage;
  readonly build: BuildVersion;
}

export function workerBindings(worker: WorkerDependencies): MethodBinding[] {
  const { method } = Worker;
  return [
    bindMethod(method.info, info(worker.getInfo)),
    bindMethod(method.version, version(worker.build)),
    bindMethod(method.getAttestationForAppKey, getAttestationForAppKey(worker.attestAppKey)),
  ];
}

/** The documented URLs of the external listener. */
export function workerUrls(worker: Pick<WorkerDependencies, 'getPage'>): PlainRoute[] {
  return [attestationUrl(worker.getPage), healthRoute()];
}

/** Everything here is meant for strangers: it shows public facts and signs nothing they chose. */
export const WORKER_ACCESS: AccessTable = new Map<string, Access>([
  [procedureName(Worker.method.info), ANONYMOUS],
  [procedureName(Worker.method.version), ANONYMOUS],
  [procedureName(Worker.method.getAttestationForAppKey), ANONYMOUS],
  ['plain/attestation', ANONYMOUS],
  [HEALTH_PROCEDURE, ANONYMOUS],
]);

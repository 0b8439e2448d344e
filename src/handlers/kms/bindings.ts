import type { DescMessage } from '@bufbuild/protobuf';
import { KMS } from '../../../gen/dstack/kms/v1/kms_pb.js';
import { type Access, type AccessTable, ANONYMOUS } from '../../http/access.js';
import { HEALTH_PROCEDURE, healthRoute } from '../../http/health-route.js';
import { bindMethod, type MethodBinding, procedureName, type UnaryHandler } from '../../http/method.js';
import type { PlainRoute } from '../../http/plain-route.js';
import type { EnvEncryptKeys } from '../../kms/env-encrypt-key.js';
import type { Meta } from '../../kms/meta.js';
import type { ReleaseDependencies } from '../../kms/release-app-key.js';
import type { KmsKeyDependencies } from '../../kms/release-kms-keys.js';
import type { NamedKeyDependencies } from '../../kms/release-named-key.js';
import type { SignCertificateDependencies } from '../../kms/sign-certificate.js';
import type { SessionBindings } from '../../kms/session-binding.js';
import type { TempCa } from '../../kms/temp-ca.js';
import { APP_NOT_ATTESTED, NOT_ATTESTED } from './attested.js';
import { bindSession } from './bind-session.js';
import { getAppEnvEncryptPubKey } from './get-app-env-encrypt-pub-key.js';
import { getAppKey } from './get-app-key.js';
import { getKey } from './get-key.js';
import { getKmsKey } from './get-kms-key.js';
import { getMeta } from './get-meta.js';
import { getSessionChallenge } from './get-session-challenge.js';
import { getSessionEvidence } from './get-session-evidence.js';
import { getTempCaCert } from './get-temp-ca-cert.js';
import { METRICS_PROCEDURE, metricsUrl, type MetricsText } from '../metrics-url.js';
import { signCert } from './sign-cert.js';

export interface KmsDependencies {
  readonly release: ReleaseDependencies & NamedKeyDependencies & KmsKeyDependencies & SignCertificateDependencies;
  readonly environment: EnvEncryptKeys;
  readonly tempCa: () => Promise<TempCa>;
  readonly meta: () => Promise<Meta>;
  readonly sessions: SessionBindings;
}

export function kmsBindings({ release, environment, tempCa, meta, sessions }: KmsDependencies): MethodBinding[] {
  const { method } = KMS;
  const bound = boundOnly(sessions);
  return [
    bindMethod(method.getKey, bound(getKey(release)), { prpcAliases: ['getKey'], rawBody: ({ key }) => key }),
    bindMethod(method.getAppKey, bound(getAppKey(release))),
    bindMethod(method.getKmsKey, bound(getKmsKey(release))),
    bindMethod(method.getAppEnvEncryptPubKey, getAppEnvEncryptPubKey(environment)),
    bindMethod(method.getMeta, getMeta(meta)),
    bindMethod(method.getTempCaCert, getTempCaCert(tempCa)),
    bindMethod(method.signCert, signCert(release, sessions)),
    bindMethod(method.getSessionEvidence, getSessionEvidence(sessions)),
    bindMethod(method.getSessionChallenge, getSessionChallenge(sessions)),
    bindMethod(method.bindSession, bindSession(sessions)),
  ];
}

/** Makes a handler that releases something ask first whether the session is bound, where that is required. */
function boundOnly(sessions: SessionBindings): <I extends DescMessage, O extends DescMessage>(handler: UnaryHandler<I, O>) => UnaryHandler<I, O> {
  return (handler) => (request, call) => {
    sessions.boundMachine(call.session);
    return handler(request, call);
  };
}

/** @param metrics null to serve none */
export function kmsUrls(metrics: MetricsText | null): PlainRoute[] {
  return metrics === null ? [healthRoute()] : [healthRoute(), metricsUrl(metrics)];
}

/** Keys need evidence on the connection. SignCert is judged by the evidence in its request; the rest is public. */
export const KMS_ACCESS: AccessTable = new Map<string, Access>([
  [procedureName(KMS.method.getKey), { kind: 'attested', refusal: APP_NOT_ATTESTED }],
  [procedureName(KMS.method.getAppKey), { kind: 'attested', refusal: APP_NOT_ATTESTED }],
  [procedureName(KMS.method.getKmsKey), { kind: 'attested', refusal: NOT_ATTESTED }],
  [procedureName(KMS.method.getAppEnvEncryptPubKey), ANONYMOUS],
  [procedureName(KMS.method.getMeta), ANONYMOUS],
  [procedureName(KMS.method.getTempCaCert), ANONYMOUS],
  [procedureName(KMS.method.signCert), ANONYMOUS],
  [procedureName(KMS.method.getSessionEvidence), ANONYMOUS],
  [procedureName(KMS.method.getSessionChallenge), { kind: 'attested', refusal: NOT_ATTESTED }],
  [procedureName(KMS.method.bindSession), { kind: 'attested', refusal: NOT_ATTESTED }],
  [HEALTH_PROCEDURE, ANONYMOUS],
  [METRICS_PROCEDURE, ANONYMOUS],
]);

/** Calls that count as attestation requests in the metrics. */
export const RELEASING_PROCEDURES: ReadonlySet<string> = new Set(
  [KMS.method.getKey, KMS.method.getAppKey, KMS.method.getKmsKey, KMS.method.signCert].map(procedureName),
);

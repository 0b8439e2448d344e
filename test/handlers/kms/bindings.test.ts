import type { DescService } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { KMS } from '../../../gen/dstack/kms/v1/kms_pb.js';
import { Onboard } from '../../../gen/dstack/kms/v1/onboard_pb.js';
import { KMS_ACCESS, kmsBindings, type KmsDependencies, kmsUrls } from '../../../src/handlers/kms/bindings.js';
import { ONBOARD_ACCESS, onboardBindings, type OnboardDependencies, onboardUrls } from '../../../src/handlers/onboard/bindings.js';
import { type MethodBinding, procedureName } from '../../../src/http/method.js';
import { KmsMetrics } from '../../../src/kms/metrics.js';

const unary = (service: DescService): string[] => service.methods.map((method) => `${service.typeName}/${method.name}`);
const bound = (bindings: readonly MethodBinding[]): string[] => bindings.map(({ method }) => procedureName(method));

describe('access tables', () => {
  it('have a rule for everything the KMS serves and for nothing else', () => {
    const served = [...bound(kmsBindings({} as KmsDependencies)), ...kmsUrls(new KmsMetrics()).map(({ procedure }) => procedure)];
    expect([...KMS_ACCESS.keys()].sort()).toEqual(served.sort());
    expect(bound(kmsBindings({} as KmsDependencies)).sort()).toEqual(unary(KMS).sort());
  });

  it('let nobody without evidence at a key', () => {
    const attested = [...KMS_ACCESS].filter(([, { kind }]) => kind === 'attested').map(([procedure]) => procedure);
    expect(attested.sort()).toEqual(['BindSession', 'GetAppKey', 'GetKey', 'GetKmsKey', 'GetSessionChallenge'].map((name) => `dstack.kms.v1.KMS/${name}`));
  });

  it('have a rule for everything Onboard serves; joining as a replica is not among it', () => {
    const dependencies = { info: { siteName: '' } } as OnboardDependencies;
    const methods = bound(onboardBindings(dependencies));
    expect([...ONBOARD_ACCESS.keys()].sort()).toEqual([...methods, ...onboardUrls(dependencies).map(({ procedure }) => procedure)].sort());
    expect(methods.sort()).toEqual(unary(Onboard).filter((name) => !name.endsWith('/Onboard')).sort());
  });
});

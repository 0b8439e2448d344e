import type { MessageInitShape } from '@bufbuild/protobuf';
import type { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { AppInfoSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { InstanceInfo } from '../../guest-agent/info.js';
import type { UnaryHandler } from '../../http/method.js';

/** Info of every listener; they differ in what `getInfo` shows. */
export function info(getInfo: () => Promise<InstanceInfo>): UnaryHandler<typeof EmptySchema, typeof AppInfoSchema> {
  return async () => infoMessage(await getInfo());
}

function infoMessage({ app, ...rest }: InstanceInfo): MessageInitShape<typeof AppInfoSchema> {
  return {
    appId: app.appId,
    instanceId: app.instanceId,
    appCert: rest.appCert,
    tcbInfo: rest.tcbInfo,
    appName: rest.appName,
    deviceId: app.deviceId,
    mrAggregated: app.mrAggregated,
    osImageHash: app.osImageHash,
    keyProviderInfo: rest.keyProviderInfo,
    composeHash: app.composeHash,
    vmConfig: rest.vmConfig,
    cloudVendor: rest.cloudVendor,
    cloudProduct: rest.cloudProduct,
  };
}

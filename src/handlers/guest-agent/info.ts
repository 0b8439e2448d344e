import type { MessageInitShape } from '@bufbuild/protobuf';
import type { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { AppInfoSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { InstanceInfo } from '../../guest-agent/info.js';
import type { UnaryHandler } from '../../http/method.js';

/** Info of every listener; they differ in what `getInfo` shows. */
export function info(getInfo: () => Promise<InstanceInfo>): UnaryHandler<typeof EmptySchema, typeof AppInfoSchema> {
  return async () => infoMessage(await getInfo());
}

function infoMessage({ app, ...info }: InstanceInfo): MessageInitShape<typeof AppInfoSchema> {
  return {
    appId: app.appId,
    instanceId: app.instanceId,
    appCert: info.appCert,
    tcbInfo: info.tcbInfo,
    appName: info.appName,
    deviceId: app.deviceId,
    mrAggregated: app.mrAggregated,
    osImageHash: app.osImageHash,
    keyProviderInfo: info.keyProviderInfo,
    composeHash: app.composeHash,
    vmConfig: info.vmConfig,
    cloudVendor: info.cloudVendor,
    cloudProduct: info.cloudProduct,
  };
}

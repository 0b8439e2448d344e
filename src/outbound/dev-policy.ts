import type { AppAuthorizer } from '../kms/app-authorizer.js';

/** Everything genuine is allowed and nothing is contacted (spec/kms.md section 20). Evidence is verified all the same. */
export function createDevPolicy(gatewayAppId: string): AppAuthorizer {
  const authorize = async (): Promise<{ gatewayAppId: string }> => ({ gatewayAppId });
  return {
    development: true,
    authorizeApp: authorize,
    authorizeKms: authorize,
    info: async () => ({ gatewayAppId, kmsContractAddress: null, chainId: null, appImplementation: null, ethRpcUrl: null }),
  };
}

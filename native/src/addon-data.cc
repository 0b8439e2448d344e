#include "addon-data.h"

namespace dstack {

std::optional<Failure> BridgesOf(Napi::Env env, std::shared_ptr<BridgeLoop>* bridges) {
  std::shared_ptr<BridgeLoop>& kept = env.GetInstanceData<AddonData>()->bridges;
  if (kept == nullptr) {
    if (auto failure = BridgeLoop::Start(&kept)) return failure;
  }
  *bridges = kept;
  return std::nullopt;
}

}  // namespace dstack

// Registers the operations; each lives in its own file. Their types are written down in src/native/binding.ts.
#include <napi.h>

#include "addon-data.h"
#include "file-lock.h"
#include "nsm-request.h"
#include "p256-public-key.h"
#include "peer-credentials.h"
#include "qgs-exchange.h"
#include "snp-extended-report.h"
#include "sysfs-extend-rtmr.h"
#include "tdx-extend-rtmr.h"
#include "tdx-report.h"
#include "tpm-device.h"
#include "tsm-quote.h"
#include "vsock-connect.h"
#include "vsock-listener.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto* data = new dstack::AddonData();
  data->file_lock = Napi::Persistent(dstack::FileLock::Define(env));
  data->p256_public_key = Napi::Persistent(dstack::P256PublicKey::Define(env));
  data->tpm_device = Napi::Persistent(dstack::TpmDevice::Define(env));
  data->vsock_listener = Napi::Persistent(dstack::VsockListener::Define(env));
  env.SetInstanceData(data);
  exports.Set("tsmQuote", Napi::Function::New(env, dstack::TsmQuote, "tsmQuote"));
  exports.Set("tdxReport", Napi::Function::New(env, dstack::TdxReport, "tdxReport"));
  exports.Set("tdxExtendRtmr", Napi::Function::New(env, dstack::TdxExtendRtmr, "tdxExtendRtmr"));
  exports.Set("sysfsExtendRtmr", Napi::Function::New(env, dstack::SysfsExtendRtmr, "sysfsExtendRtmr"));
  exports.Set("nsmRequest", Napi::Function::New(env, dstack::NsmRequest, "nsmRequest"));
  exports.Set("qgsExchange", Napi::Function::New(env, dstack::QgsExchange, "qgsExchange"));
  exports.Set("peerCredentials", Napi::Function::New(env, dstack::PeerCredentials, "peerCredentials"));
  exports.Set("lockFile", Napi::Function::New(env, dstack::LockFile, "lockFile"));
  exports.Set("openTpm", Napi::Function::New(env, dstack::OpenTpm, "openTpm"));
  exports.Set("snpExtendedReport", Napi::Function::New(env, dstack::SnpExtendedReport, "snpExtendedReport"));
  exports.Set("vsockListen", Napi::Function::New(env, dstack::VsockListen, "vsockListen"));
  exports.Set("vsockConnect", Napi::Function::New(env, dstack::VsockConnect, "vsockConnect"));
  exports.Set("p256PublicKey", Napi::Function::New(env, dstack::MakeP256PublicKey, "p256PublicKey"));
  return exports;
}

NODE_API_MODULE(dstack_native, Init)

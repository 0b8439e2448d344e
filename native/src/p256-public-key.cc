// ECDSA on P-256 (FIPS 186-5), verification only. Node's own way takes a JWK for a point, whose import costs more than a verification.
#include "p256-public-key.h"

#include <algorithm>
#include <vector>

#include "addon-data.h"
#include "arguments.h"

namespace dstack {

namespace {

constexpr size_t kDigest = 32;
constexpr size_t kCoordinate = 32;
// SEQUENCE of two INTEGERs of 33 octets at most: 72. What is longer is not looked at.
constexpr size_t kLongestDer = 80;
// Bytes a key takes outside the heap of JavaScript, about: the collector has to know that they add up.
constexpr int64_t kMemory = 4096;

// core_dispatch.h, OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS; OSSL_PARAM(3).
constexpr int kPublicKey = 0x86;
constexpr unsigned int kUtf8String = 4;
constexpr unsigned int kOctetString = 5;

// Nothing of ours stays in the queue of errors, where Node would find it later and take it for its own.
class ErrorMark {
 public:
  explicit ErrorMark(const Libcrypto* library) : library_(library) { library_->set_mark(); }
  ~ErrorMark() { library_->pop_to_mark(); }
  ErrorMark(const ErrorMark&) = delete;
  ErrorMark& operator=(const ErrorMark&) = delete;

 private:
  const Libcrypto* const library_;
};

// Appends an INTEGER of `kCoordinate` unsigned octets to DER.
void AppendInteger(std::vector<uint8_t>* der, const uint8_t* value) {
  size_t start = 0;
  while (start < kCoordinate - 1 && value[start] == 0) start++;
  const bool padded = (value[start] & 0x80) != 0;
  der->push_back(0x02);
  der->push_back(static_cast<uint8_t>(kCoordinate - start + (padded ? 1 : 0)));
  if (padded) der->push_back(0);
  der->insert(der->end(), value + start, value + kCoordinate);
}

}  // namespace

Napi::Function P256PublicKey::Define(Napi::Env env) {
  return DefineClass(env, "P256PublicKey", {InstanceMethod<&P256PublicKey::Verify>("verify"), InstanceMethod<&P256PublicKey::VerifyRaw>("verifyRaw")});
}

P256PublicKey::~P256PublicKey() {
  if (context_ == nullptr) return;
  library_->free_context(context_);
  Napi::MemoryManagement::AdjustExternalMemory(Env(), -kMemory);
}

bool P256PublicKey::Import(const Libcrypto* library, std::array<uint8_t, 65> point) {
  library_ = library;
  const ErrorMark mark(library);
  char group[] = "prime256v1";
  OsslParam parameters[] = {
      {"group", kUtf8String, group, sizeof group - 1, SIZE_MAX},
      {"pub", kOctetString, point.data(), point.size(), SIZE_MAX},
      {nullptr, 0, nullptr, 0, 0},
  };
  EvpKeyContext* const importer = library->context_from_name(nullptr, "EC", nullptr);
  if (importer == nullptr) return false;
  EvpKey* key = nullptr;
  const bool imported = library->fromdata_init(importer) == 1 && library->fromdata(importer, &key, kPublicKey, parameters) == 1;
  library->free_context(importer);
  if (!imported) return false;
  // The context keeps the key.
  context_ = library->context_from_key(nullptr, key, nullptr);
  library->free_key(key);
  if (context_ == nullptr) return false;
  Napi::MemoryManagement::AdjustExternalMemory(Env(), kMemory);
  return library->verify_init(context_) == 1;
}

bool P256PublicKey::IsGood(const uint8_t* signature, size_t length, const uint8_t* digest) {
  if (context_ == nullptr) return false;
  const ErrorMark mark(library_);
  // 0 for a bad signature, less for one that is none.
  return library_->verify(context_, signature, length, digest, kDigest) == 1;
}

Napi::Value P256PublicKey::Verify(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::vector<uint8_t> digest = arguments.Bytes("digest", kDigest, kDigest);
  const std::vector<uint8_t> signature = arguments.Bytes("signature", 0, kLongestDer);
  if (arguments.failed()) return Napi::Value();
  return Napi::Boolean::New(info.Env(), IsGood(signature.data(), signature.size(), digest.data()));
}

Napi::Value P256PublicKey::VerifyRaw(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::vector<uint8_t> digest = arguments.Bytes("digest", kDigest, kDigest);
  const std::vector<uint8_t> raw = arguments.Bytes("signature", 2 * kCoordinate, 2 * kCoordinate);
  if (arguments.failed()) return Napi::Value();
  std::vector<uint8_t> der = {0x30, 0};
  der.reserve(kLongestDer);
  AppendInteger(&der, raw.data());
  AppendInteger(&der, raw.data() + kCoordinate);
  der[1] = static_cast<uint8_t>(der.size() - 2);
  return Napi::Boolean::New(info.Env(), IsGood(der.data(), der.size(), digest.data()));
}

Napi::Value MakeP256PublicKey(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const std::vector<uint8_t> coordinates = arguments.Bytes("point", 2 * kCoordinate, 2 * kCoordinate);
  if (arguments.failed()) return Napi::Value();
  const Libcrypto* const library = FindLibcrypto();
  if (library == nullptr) {
    Napi::Error::New(env, "this process has no OpenSSL 3 to verify with").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  std::array<uint8_t, 65> point{0x04};
  std::copy(coordinates.begin(), coordinates.end(), point.begin() + 1);
  Napi::Object key = env.GetInstanceData<AddonData>()->p256_public_key.New({});
  P256PublicKey* const holder = key.IsEmpty() ? nullptr : P256PublicKey::Unwrap(key);
  if (holder == nullptr) return Napi::Value();
  return holder->Import(library, point) ? static_cast<Napi::Value>(key) : env.Null();
}

}  // namespace dstack

#pragma once

#include <napi.h>

#include <array>
#include <cstdint>

#include "libcrypto.h"

namespace dstack {

// A point of P-256 that signatures are verified with, by the OpenSSL of this process.
class P256PublicKey : public Napi::ObjectWrap<P256PublicKey> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit P256PublicKey(const Napi::CallbackInfo& info) : Napi::ObjectWrap<P256PublicKey>(info) {}
  ~P256PublicKey() override;

  // 04 ‖ X ‖ Y. False when it is not on the curve.
  bool Import(const Libcrypto* library, std::array<uint8_t, 65> point);

 private:
  // verify({digest, signature}): boolean. Digest of 32 bytes; signature in DER, or r ‖ s of 64 bytes as verifyRaw.
  Napi::Value Verify(const Napi::CallbackInfo& info);
  Napi::Value VerifyRaw(const Napi::CallbackInfo& info);

  bool IsGood(const uint8_t* signature, size_t length, const uint8_t* digest);

  const Libcrypto* library_ = nullptr;
  EvpKeyContext* context_ = nullptr;
};

// p256PublicKey({point}): P256PublicKey, or null when the point is not on the curve. Throws where the process has no OpenSSL 3.
Napi::Value MakeP256PublicKey(const Napi::CallbackInfo& info);

}  // namespace dstack

#pragma once

#include <cstddef>
#include <cstdint>

namespace dstack {

// Opaque types of OpenSSL 3 (https://docs.openssl.org/3.0/man7/evp/), and the one whose layout is public: OSSL_PARAM(3).
struct EvpKey;
struct EvpKeyContext;
struct OsslParam {
  const char* key;
  unsigned int data_type;
  void* data;
  size_t data_size;
  size_t return_size;
};

// The functions used of the OpenSSL this process already has, which Node links and exports
// (https://nodejs.org/api/addons.html#linking-to-libraries-included-with-nodejs). Found at run time: the addon itself needs Node-API alone.
struct Libcrypto {
  unsigned int (*version_major)();
  EvpKeyContext* (*context_from_name)(void* library, const char* name, const char* properties);
  EvpKeyContext* (*context_from_key)(void* library, EvpKey* key, const char* properties);
  void (*free_context)(EvpKeyContext*);
  int (*fromdata_init)(EvpKeyContext*);
  int (*fromdata)(EvpKeyContext*, EvpKey**, int selection, OsslParam*);
  void (*free_key)(EvpKey*);
  int (*verify_init)(EvpKeyContext*);
  int (*verify)(EvpKeyContext*, const unsigned char* signature, size_t signature_length, const unsigned char* digest, size_t digest_length);
  int (*set_mark)();
  int (*pop_to_mark)();
};

// null unless this process has OpenSSL 3 with all of them: other versions have other types.
const Libcrypto* FindLibcrypto();

}  // namespace dstack

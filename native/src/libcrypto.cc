#include "libcrypto.h"

#include <dlfcn.h>

namespace dstack {

namespace {

template <typename Function>
bool Find(const char* name, Function** found) {
  *found = reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
  return *found != nullptr;
}

const Libcrypto* Load() {
  static Libcrypto library;
  const bool complete = Find("OPENSSL_version_major", &library.version_major) && library.version_major() == 3 &&
                        Find("EVP_PKEY_CTX_new_from_name", &library.context_from_name) &&
                        Find("EVP_PKEY_CTX_new_from_pkey", &library.context_from_key) &&
                        Find("EVP_PKEY_CTX_free", &library.free_context) &&
                        Find("EVP_PKEY_fromdata_init", &library.fromdata_init) &&
                        Find("EVP_PKEY_fromdata", &library.fromdata) && Find("EVP_PKEY_free", &library.free_key) &&
                        Find("EVP_PKEY_verify_init", &library.verify_init) && Find("EVP_PKEY_verify", &library.verify) &&
                        Find("ERR_set_mark", &library.set_mark) && Find("ERR_pop_to_mark", &library.pop_to_mark);
  return complete ? &library : nullptr;
}

}  // namespace

const Libcrypto* FindLibcrypto() {
  static const Libcrypto* const library = Load();
  return library;
}

}  // namespace dstack

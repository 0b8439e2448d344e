// Who connected to a unix socket, as the kernel recorded it at connect(2): unix(7), SO_PEERCRED.
#include "peer-credentials.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

#include "arguments.h"
#include "failure.h"

namespace dstack {

namespace {

constexpr char kWhat[] = "peer credentials";

}  // namespace

Napi::Value PeerCredentials(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const int fd = static_cast<int>(arguments.Integer("fd", 0, INT32_MAX));
  if (arguments.failed()) return Napi::Value();
  int domain = 0;
  socklen_t size = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return Throw(env, FromErrno(kWhat, errno));
  // Other families answer too, with values that mean nothing.
  if (domain != AF_UNIX) return Throw(env, FromErrno(kWhat, EAFNOSUPPORT));
  ucred peer{};
  size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return Throw(env, FromErrno(kWhat, errno));
  // An unconnected socket has no peer: user (uid_t)-1.
  if (size != sizeof peer || peer.uid == static_cast<uid_t>(-1)) return Throw(env, FromErrno(kWhat, ENOTCONN));
  Napi::Object result = Napi::Object::New(env);
  result.Set("pid", Napi::Number::New(env, peer.pid));
  result.Set("uid", Napi::Number::New(env, peer.uid));
  result.Set("gid", Napi::Number::New(env, peer.gid));
  return result;
}

}  // namespace dstack

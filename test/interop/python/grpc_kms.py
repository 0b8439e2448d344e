"""KMS over gRPC and RA-TLS: keys, and each of the documented refusals."""

from contextlib import contextmanager
from pathlib import Path

import grpc
from dstack.kms.v1 import kms_pb2 as pb
from dstack.kms.v1.kms_pb2_grpc import KMSStub
from google.protobuf.empty_pb2 import Empty

from check import check, equal, raises, true
from errors import detail_code


def checks(system: dict) -> None:
    name = system["keyName"]
    with _kms(system, None) as anonymous, _kms(system, "app") as app, _kms(system, "otherApp") as other:
        with check("gRPC KMS.GetMeta without a certificate"):
            meta = anonymous.GetMeta(Empty(), timeout=5)
            equal(meta.k256_pubkey.hex(), system["kmsRootPublicKey"])
            equal(meta.ca_cert.strip(), Path(system["kmsCa"]).read_text().strip())
        with check("gRPC KMS.GetKey = GuestAgent.GetKey"):
            equal(app.GetKey(pb.GetKeyRequest(name=name), timeout=5).key.hex(), system["expectedKey"])
        with check("gRPC KMS.GetKey: another application gets another key"):
            key = other.GetKey(pb.GetKeyRequest(name=name), timeout=5).key
            true(len(key) == 32 and key.hex() != system["expectedKey"], "the same key, or none")
        with check("gRPC KMS.GetAppKey"):
            keys = app.GetAppKey(pb.GetAppKeyRequest(api_version=1), timeout=5)
            equal([len(keys.k256_key), len(keys.disk_crypt_key), len(keys.env_crypt_key), len(keys.k256_signature)], [32, 32, 32, 65])
    _refusals(system)


def _refusals(system: dict) -> None:
    name = system["keyName"]
    with _kms(system, None) as anonymous, check("gRPC KMS: UNAUTHORIZED without evidence"):
        _refused(anonymous, name, grpc.StatusCode.UNAUTHENTICATED, "UNAUTHORIZED")
    with _kms(system, "unlisted") as unlisted, check("gRPC KMS: MEASUREMENT_NOT_FOUND for genuine evidence the policy does not list"):
        _refused(unlisted, name, grpc.StatusCode.PERMISSION_DENIED, "MEASUREMENT_NOT_FOUND")
    with _kms(system, "declared") as declared, check("gRPC KMS: KEY_NOT_FOUND for an undeclared name"):
        equal(len(declared.GetKey(pb.GetKeyRequest(name="declared-key"), timeout=5).key), 32)
        _refused(declared, name, grpc.StatusCode.NOT_FOUND, "KEY_NOT_FOUND")
    with _kms(system, "app") as app, check("gRPC KMS: INTERNAL_ERROR while the policy cannot be read, and no longer"):
        with _garbage_in(Path(system["policyFile"])):
            _refused(app, name, grpc.StatusCode.INTERNAL, "INTERNAL_ERROR")
        equal(app.GetKey(pb.GetKeyRequest(name=name), timeout=5).key.hex(), system["expectedKey"])


def _refused(kms: KMSStub, name: str, status: grpc.StatusCode, code: str) -> None:
    error = raises(grpc.RpcError, lambda: kms.GetKey(pb.GetKeyRequest(name=name), timeout=5))
    equal(error.code(), status)
    equal(detail_code(error), code)


@contextmanager
def _garbage_in(policy: Path):
    content = policy.read_bytes()
    policy.write_text("{ garbage")
    try:
        yield
    finally:
        policy.write_bytes(content)


@contextmanager
def _kms(system: dict, client: str | None):
    """A stub on a connection of its own, with the RA-TLS certificate of `client` where one is named."""
    pair = {} if client is None else system["clients"][client]
    credentials = grpc.ssl_channel_credentials(
        root_certificates=Path(system["kmsCa"]).read_bytes(),
        private_key=Path(pair["key"]).read_bytes() if pair else None,
        certificate_chain=Path(pair["cert"]).read_bytes() if pair else None,
    )
    target = system["kmsUrl"].removeprefix("https://")
    # Channels share connections between stubs unless told not to, and a connection is one caller.
    with grpc.secure_channel(target, credentials, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield KMSStub(channel)

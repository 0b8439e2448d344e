"""GuestAgent over gRPC on the unix socket."""

import hashlib
import os
import re

import grpc
from dstack.guestagent.v1 import guest_agent_pb2 as pb
from dstack.guestagent.v1.guest_agent_pb2_grpc import GuestAgentStub
from google.protobuf.empty_pb2 import Empty

from check import check, equal, raises, true
from errors import detail_code
from evidence import chain_root, public_key_of, read_quote, signature_holds


def checks(system: dict) -> None:
    with grpc.insecure_channel(f"unix:{system['agentSocket']}") as channel:
        agent = GuestAgentStub(channel)
        _describes_itself(agent, system)
        _keys(agent, system)
        _quotes(agent)
        _signs(agent, system)


def _describes_itself(agent: GuestAgentStub, system: dict) -> None:
    with check("gRPC GuestAgent.Version"):
        true(re.match(r"\d+\.\d+\.\d+", agent.Version(Empty(), timeout=5).version) is not None, "no version")
    with check("gRPC GuestAgent.Info"):
        info = agent.Info(Empty(), timeout=5)
        equal(info.app_id.hex(), system["appId"])
        equal([len(info.compose_hash), len(info.device_id)], [32, 32])


def _keys(agent: GuestAgentStub, system: dict) -> None:
    name = system["keyName"]
    with check("gRPC GuestAgent.GetKey: the key all clients agree on"):
        equal(agent.GetKey(pb.GetKeyArgs(path=name), timeout=5).key.hex(), system["expectedKey"])
        equal(agent.GetKey(pb.GetKeyArgs(name=name), timeout=5).key.hex(), system["expectedKey"])
    with check("gRPC GuestAgent.GetKey: the signature chain leads to the KMS root"):
        answer = agent.GetKey(pb.GetKeyArgs(path=name, purpose="interop"), timeout=5)
        root = chain_root(list(answer.signature_chain), "interop", public_key_of(answer.key), bytes.fromhex(system["appId"]))
        equal(root.hex(), system["kmsRootPublicKey"])
    with check("gRPC GuestAgent.GetKey: an unknown algorithm is INVALID_ARGUMENT"):
        error = raises(grpc.RpcError, lambda: agent.GetKey(pb.GetKeyArgs(algorithm="rsa"), timeout=5))
        equal(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
        equal(detail_code(error), "INVALID_ARGUMENT")


def _quotes(agent: GuestAgentStub) -> None:
    challenge = os.urandom(48)
    with check("gRPC GuestAgent.GetQuote: the challenge is in the quote"):
        answer = agent.GetQuote(pb.RawQuoteArgs(report_data=challenge), timeout=10)
        equal(answer.report_data, challenge + bytes(16))
        equal(read_quote(answer.quote).report_data, answer.report_data)
    with check("gRPC GuestAgent.GetAttestation: UNSUPPORTED_PLATFORM off Nitro"):
        error = raises(grpc.RpcError, lambda: agent.GetAttestation(pb.GetAttestationRequest(), timeout=5))
        equal(error.code(), grpc.StatusCode.FAILED_PRECONDITION)
        equal(detail_code(error), "UNSUPPORTED_PLATFORM")


def _signs(agent: GuestAgentStub, system: dict) -> None:
    message = b"interop message"
    for algorithm, data in [("ed25519", message), ("secp256k1", message), ("secp256k1_prehashed", hashlib.sha256(message).digest())]:
        with check(f"gRPC GuestAgent.Sign and Verify with {algorithm}"):
            signed = agent.Sign(pb.SignRequest(algorithm=algorithm, data=data), timeout=5)
            true(signature_holds(algorithm, data, signed.signature, signed.public_key), "the signature does not hold")
            equal(signed.signature_chain[0], signed.signature)
            root = chain_root(list(signed.signature_chain[1:]), "signing", signed.public_key, bytes.fromhex(system["appId"]))
            equal(root.hex(), system["kmsRootPublicKey"])
            request = pb.VerifyRequest(algorithm=algorithm, data=data, signature=signed.signature, public_key=signed.public_key)
            equal(agent.Verify(request, timeout=5).valid, True)
            request.data = data[::-1]
            equal(agent.Verify(request, timeout=5).valid, False)

"""The error detail of this project, as a generated client reads it."""

import grpc
from dstack.errors.v1 import errors_pb2
from grpc_status import rpc_status


def detail_code(error: grpc.RpcError) -> str:
    """`code` of the one ErrorDetail in the trailer `grpc-status-details-bin`."""
    status = rpc_status.from_call(error)
    if status is None:
        raise AssertionError("the trailer grpc-status-details-bin is missing")
    if status.code != error.code().value[0] or status.message != error.details():
        raise AssertionError(f"the trailer says {status.code} {status.message!r}, the call {error.code()} {error.details()!r}")
    [detail] = status.details
    message = errors_pb2.ErrorDetail()
    if not detail.Unpack(message):
        raise AssertionError(f"the detail is a {detail.type_url}")
    return message.code

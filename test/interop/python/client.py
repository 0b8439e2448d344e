"""Python clients against a running system: generated gRPC code, and the published package `dstack-sdk`, unmodified.

INTEROP_SYSTEM names the JSON file that describes the system (test/interop/README.md).
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc


def generate(proto: str, out: str) -> None:
    """Makes the client code, as any user of the .proto files would. The files under grpc/ come with grpcio."""
    files = [str(path) for path in sorted(Path(proto, "dstack").rglob("*.proto"))]
    well_known = str(Path(protoc.__file__).parent / "_proto")
    status = protoc.main(["protoc", f"-I{proto}", f"-I{well_known}", f"--python_out={out}", f"--grpc_python_out={out}", *files])
    if status != 0:
        raise SystemExit(f"protoc ended with status {status}")


def main() -> None:
    system = json.loads(Path(os.environ["INTEROP_SYSTEM"]).read_text())
    with tempfile.TemporaryDirectory() as out:
        generate(system["protoDir"], out)
        sys.path.insert(0, out)
        # The generated code exists from here on only.
        import grpc_agent
        import grpc_kms
        import sdk

        grpc_agent.checks(system)
        grpc_kms.checks(system)
        sdk.checks(system)


main()

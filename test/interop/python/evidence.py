"""Reading what the server answered, with code that is not the server's."""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from eth_hash.auto import keccak
from eth_keys import keys


@dataclass(frozen=True)
class Quote:
    """Fields of a version 4 TDX quote (Intel TDX DCAP quoting library API, appendix 3)."""

    version: int
    rtmrs: list[str]
    report_data: bytes


def read_quote(quote: bytes) -> Quote:
    rtmrs = [quote[at : at + 48].hex() for at in range(376, 568, 48)]
    return Quote(int.from_bytes(quote[:2], "little"), rtmrs, quote[568:632])


def public_key_of(secret: bytes) -> bytes:
    return keys.PrivateKey(secret).public_key.to_compressed_bytes()


def _signer(signature: bytes, message: bytes) -> bytes:
    return keys.Signature(signature).recover_public_key_from_msg_hash(keccak(message)).to_compressed_bytes()


def chain_root(chain: list[bytes], purpose: str, public_key: bytes, app_id: bytes) -> bytes:
    """The root key a chain of two signatures of 65 bytes leads to, from a derived public key over the application's."""
    app_key = _signer(chain[0], f"{purpose}:{public_key.hex()}".encode())
    return _signer(chain[1], b"dstack-kms-issued:" + app_id + app_key)


def signature_holds(algorithm: str, data: bytes, signature: bytes, public_key: bytes) -> bool:
    if algorithm == "ed25519":
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
        except InvalidSignature:
            return False
        return True
    digest = data if algorithm == "secp256k1_prehashed" else hashlib.sha256(data).digest()
    key = keys.PublicKey.from_compressed_bytes(public_key)
    return keys.NonRecoverableSignature(signature).verify_msg_hash(digest, key)

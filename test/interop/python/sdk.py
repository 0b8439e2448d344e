"""The published package `dstack-sdk`, unmodified."""

import asyncio
import hashlib
import json
import os
import warnings

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from dstack_sdk import AsyncDstackClient, DstackClient, TappdClient

from check import check, equal, raises, true
from evidence import chain_root, public_key_of, read_quote, signature_holds


def checks(system: dict) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
    client = DstackClient(system["agentSocket"])
    _keys(client, system)
    _evidence(client, system)
    _signs(client)
    _certificates(client, system)
    _tappd(TappdClient(system["tappdSocket"]))
    with check("dstack-sdk AsyncDstackClient: sixteen calls at once"):
        equal(asyncio.run(_at_once(system)), {system["expectedKey"]})


async def _at_once(system: dict) -> set[str]:
    async with AsyncDstackClient(system["agentSocket"]) as client:
        return {answer.key for answer in await asyncio.gather(*(client.get_key(system["keyName"]) for _ in range(16)))}


def _keys(client: DstackClient, system: dict) -> None:
    with check("dstack-sdk get_key: the key all clients agree on"):
        equal(client.get_key(system["keyName"]).key, system["expectedKey"])
        equal(client.get_key(system["keyName"], "another purpose", "ed25519").key, system["expectedKey"])
    with check("dstack-sdk get_key: the signature chain leads to the KMS root"):
        answer = client.get_key(system["keyName"], "interop")
        root = chain_root(answer.decode_signature_chain(), "interop", public_key_of(answer.decode_key()), bytes.fromhex(system["appId"]))
        equal(root.hex(), system["kmsRootPublicKey"])
    with check("dstack-sdk get_key: an unknown algorithm is status 400"):
        error = raises(httpx.HTTPStatusError, lambda: client.get_key("", "", "rsa"))
        equal(error.response.status_code, 400)


def _evidence(client: DstackClient, system: dict) -> None:
    challenge = os.urandom(64)
    with check("dstack-sdk get_quote: the challenge is in the quote, the boot events replay to its registers"):
        quote = client.get_quote(challenge)
        quoted = read_quote(quote.decode_quote())
        equal(quoted.report_data, challenge)
        equal([quote.replay_rtmrs()[index] for index in range(3)], quoted.rtmrs[:3])
    with check("dstack-sdk attest"):
        true(challenge in client.attest(challenge).decode_attestation(), "the challenge is not in the attestation")
    with check("dstack-sdk info"):
        info = client.info()
        equal(info.app_id, system["appId"])
        equal(info.compose_hash, hashlib.sha256(info.tcb_info.app_compose.encode()).hexdigest())
        equal(info.tcb_info.rtmr0, quoted.rtmrs[0])
        equal(json.loads(info.key_provider_info)["name"], "kms")
    with check("dstack-sdk emit_event: the event is measured"):
        client.emit_event("interop-python", b"payload")
        [event] = [event for event in client.info().tcb_info.event_log if event.event == "interop-python"]
        equal((event.imr, event.event_payload), (3, b"payload".hex()))
    with check("dstack-sdk version and is_reachable"):
        true(client.version().version != "", "no version")
        equal(client.is_reachable(), True)


def _signs(client: DstackClient) -> None:
    message = b"interop message"
    for algorithm, data in [("ed25519", message), ("secp256k1", message), ("secp256k1_prehashed", hashlib.sha256(message).digest())]:
        with check(f"dstack-sdk sign and verify with {algorithm}"):
            signed = client.sign(algorithm, data)
            signature, public_key = signed.decode_signature(), signed.decode_public_key()
            true(signature_holds(algorithm, data, signature, public_key), "the signature does not hold")
            equal(client.verify(algorithm, data, signature, public_key).valid, True)
            equal(client.verify(algorithm, data[::-1], signature, public_key).valid, False)


def _certificates(client: DstackClient, system: dict) -> None:
    with check("dstack-sdk get_tls_key: key and chain up to the CA of the KMS"):
        answer = client.get_tls_key("interop", ["interop.example"], usage_ra_tls=True, usage_client_auth=True, not_after=4_000_000_000)
        chain = [x509.load_pem_x509_certificate(pem.encode()) for pem in answer.certificate_chain]
        for certificate, issuer in zip(chain, chain[1:]):
            certificate.verify_directly_issued_by(issuer)
        with open(system["kmsCa"], "rb") as ca:
            equal(chain[-1], x509.load_pem_x509_certificate(ca.read()))
        equal(load_pem_private_key(answer.key.encode(), None).public_key(), chain[0].public_key())
        equal(chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value, "interop")
        names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        equal(names.get_values_for_type(x509.DNSName), ["interop.example"])
        usages = chain[0].extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        equal(list(usages), [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        equal(int(chain[0].not_valid_after_utc.timestamp()), 4_000_000_000)


def _tappd(client: TappdClient) -> None:
    with check("dstack-sdk TappdClient.derive_key: the same key for the same path"):
        first = client.derive_key("/interop")
        equal(client.derive_key("/interop", "another subject").key, first.key)
        equal(load_pem_private_key(first.key.encode(), None).curve.name, "secp256r1")
    with check("dstack-sdk TappdClient.tdx_quote, hashed and raw"):
        hashed = read_quote(client.tdx_quote("interop", "sha512").decode_quote())
        equal(hashed.report_data, hashlib.sha512(b"app-data:interop").digest())
        raw = read_quote(client.tdx_quote("interop", "raw").decode_quote())
        equal(raw.report_data, b"interop".rjust(64, b"\0"))
    with check("dstack-sdk TappdClient.info"):
        true(client.info().tcb_info.app_compose != "", "no app_compose")

"""The few calls to Milvus that the stack needs, on bare gRPC.

pymilvus would do, but takes a second and 100 MB to import, and the supervisor lives as long as the stack.
Messages are those of milvus-proto 2.3 (milvus.proto, common.proto), written field by field.
"""

import base64
from typing import Any

import grpc

SERVICE = "/milvus.proto.milvus.MilvusService"
TIMEOUT = 10.0
LENGTH_DELIMITED = 2
CONTINUED = 0x80
PERCENTAGES, WHOLE = 6, 100


class AccessDenied(Exception):
    """Milvus asked for another password."""


class Unavailable(Exception):
    """Milvus does not answer, or not yet."""


def encode_varint(number: int) -> bytes:
    """A base-128 number of the protobuf wire format."""
    out = bytearray()
    while number >= CONTINUED:
        out.append(number & 0x7F | CONTINUED)
        number >>= 7
    return bytes((*out, number))


def encode_text(field: int, text: str) -> bytes:
    """A string field of the protobuf wire format."""
    data = text.encode()
    return encode_varint(field << 3 | LENGTH_DELIMITED) + encode_varint(len(data)) + data


def decode_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at an offset, and the offset behind it."""
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < CONTINUED:
            return number, at


def decode_fields(data: bytes) -> list[tuple[int, bytes | int]]:
    """The top-level fields of a message of numbers and length-delimited values."""
    fields: list[tuple[int, bytes | int]] = []
    at = 0
    while at < len(data):
        key, at = decode_varint(data, at)
        value, at = decode_varint(data, at)
        if key & 7 == LENGTH_DELIMITED:
            fields.append((key >> 3, data[at : at + value]))
            at += value
        else:
            fields.append((key >> 3, value))
    return fields


def call(address: str, password: str, method: str, request: bytes) -> bytes:
    """One unary call as `root`; the answer's bytes."""
    token = base64.b64encode(f"root:{password}".encode()).decode()
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(address, options=options) as channel:
        stub: Any = channel.unary_unary(f"{SERVICE}/{method}")
        try:
            answer: bytes = stub(request, timeout=TIMEOUT, metadata=(("authorization", token),))
        except grpc.RpcError as error:
            status: Any = error
            if status.code() == grpc.StatusCode.UNAUTHENTICATED:
                raise AccessDenied(status.details()) from error
            raise Unavailable(f"{status.code().name}: {status.details()}") from error
        return answer


def check_access(address: str, password: str) -> None:
    """List the databases: needs the password, the root coordinator and etcd.

    The answer is a status (field 1), empty when all is well, and the names (field 2).
    """
    answer = call(address, password, "ListDatabases", b"")
    if encode_text(2, "default") not in answer:
        raise Unavailable(answer.decode("utf-8", "replace"))


def count_unserved(address: str, password: str) -> int:
    """How many loaded collections of the default database cannot be searched yet.

    ShowCollections with type (4) InMemory (1); the answer's field 6 is a packed list of percentages, one a
    collection. After a start Milvus loads them again in the background, and answers "collection not
    loaded" meanwhile.
    """
    answer = call(address, password, "ShowCollections", bytes((4 << 3, 1)))
    packed = b"".join(
        value for field, value in decode_fields(answer) if field == PERCENTAGES and isinstance(value, bytes)
    )
    at = unserved = 0
    while at < len(packed):
        percentage, at = decode_varint(packed, at)
        unserved += percentage < WHOLE
    return unserved


def change_password(address: str, old: str, new: str) -> None:
    """UpdateCredential for `root`: username (2), old and new password (3, 4) in base64.

    The answer is a status: empty, or an error code (1) and its reason (2).
    """
    old64, new64 = (base64.b64encode(word.encode()).decode() for word in (old, new))
    request = encode_text(2, "root") + encode_text(3, old64) + encode_text(4, new64)
    answer = call(address, old, "UpdateCredential", request)
    if answer:
        raise Unavailable(f"Milvus refused to change its password: {answer.decode('utf-8', 'replace')}")

"""A message to a URL that a tenant named."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpcore

from outbound.connecting import Deadline
from outbound.exchange import open_exchange
from outbound.policy import FetchPolicy
from outbound.urls import read_url

_TEXT_BYTES: Final = 4096


@dataclass(frozen=True)
class Answered:
    """What the server answered, any status; `text` is the answer's beginning, for people."""

    status: int
    text: str


def post(url: str, *, body: bytes, headers: Mapping[str, str], policy: FetchPolicy) -> Answered:
    """The answer to the body. A redirect is an answer like any other, and is not followed.

    Raises an `OutboundRefused` when there was no answer.
    """
    place = read_url(url, policy)
    deadline = Deadline(policy.timeout_s)
    sent = {"Accept-Encoding": "identity", **headers}
    with open_exchange("POST", place, policy=policy, deadline=deadline, headers=sent, body=body) as answer:
        return Answered(answer.status, _read_beginning(answer))


def _read_beginning(answer: httpcore.Response) -> str:
    """Up to 4 KB. A body that breaks off changes nothing: the status is the answer."""
    data = bytearray()
    try:
        for part in answer.iter_stream():
            data += part
            if len(data) >= _TEXT_BYTES:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.RemoteProtocolError):
        data += b" [broken off]"
    text = bytes(data[:_TEXT_BYTES]).decode("utf-8", "replace")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")  # which PostgreSQL does not take

"""A file from a URL that a tenant named."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpcore
import httpx

from outbound.connecting import Deadline
from outbound.errors import TooManyRedirects, UrlEncoded, UrlInvalid, UrlStatus, UrlTooLarge
from outbound.exchange import open_exchange, read_header
from outbound.policy import FetchPolicy
from outbound.urls import check_url, read_url

_REDIRECTS: Final = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)
# Not compressed: a few bytes must not become many after they were counted.
_HEADERS: Final = {"Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Fetched:
    """What came: `content_type` as the server says it, `url` after redirects."""

    data: bytes
    content_type: str
    url: str


def fetch(url: str, policy: FetchPolicy) -> Fetched:
    """What lies at the URL, every redirect checked like the URL itself. Raises an `OutboundRefused`."""
    deadline = Deadline(policy.timeout_s)
    place = read_url(url, policy)
    for _ in range(policy.max_hops + 1):
        found = _fetch_once(place, policy, deadline)
        if isinstance(found, Fetched):
            return found
        place = found
    raise TooManyRedirects(f"The URL leads on more than {policy.max_hops} times.")


def _fetch_once(url: httpx.URL, policy: FetchPolicy, deadline: Deadline) -> Fetched | httpx.URL:
    """What lies there, or where it leads."""
    with open_exchange("GET", url, policy=policy, deadline=deadline, headers=_HEADERS) as answer:
        location = read_header(answer, b"location")
        if answer.status in _REDIRECTS and location:
            return _follow(url, location, policy)
        if answer.status != HTTPStatus.OK:
            raise UrlStatus(f"{url.host} answered {answer.status}.", status=answer.status)
        data = _read_body(url, answer, policy.max_bytes)
        return Fetched(data, read_header(answer, b"content-type"), str(url))


def _follow(url: httpx.URL, location: str, policy: FetchPolicy) -> httpx.URL:
    try:
        place = url.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise UrlInvalid(f"{url.host} leads to something that is no URL.") from error
    if url.scheme == "https" and place.scheme == "http":
        raise UrlInvalid(f"{url.host} leads from https:// to http://.")
    check_url(place, policy)
    return place


def _read_body(url: httpx.URL, answer: httpcore.Response, max_bytes: int) -> bytes:
    if read_header(answer, b"content-encoding").lower() not in {"", "identity"}:
        raise UrlEncoded(f"{url.host} sends the file compressed, though asked not to.")
    too_large = UrlTooLarge(f"The file at {url.host} is larger than {max_bytes} bytes.")
    announced = read_header(answer, b"content-length")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise too_large
    data = bytearray()
    for part in answer.iter_stream():
        data += part
        if len(data) > max_bytes:
            raise too_large
    return bytes(data)

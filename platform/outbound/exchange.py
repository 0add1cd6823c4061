"""One request and its answer, with every failure named."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpcore
import httpx

from outbound.connecting import CheckedBackend, Deadline, make_tls
from outbound.errors import UrlInvalid, UrlTimeout, UrlUnreachable
from outbound.policy import FetchPolicy


@contextmanager
def open_exchange(
    method: str,
    url: httpx.URL,
    *,
    policy: FetchPolicy,
    deadline: Deadline,
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> Iterator[httpcore.Response]:
    """The answer, its body yet to be read, on a connection of its own; no cookie, no proxy, no redirect.

    Raises an `OutboundRefused`, also while the block reads the body.
    """
    backend = CheckedBackend(policy, deadline)
    sent = {"Host": url.netloc.decode("ascii"), "User-Agent": "Vitrine", "Connection": "close", **headers}
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    tls = make_tls(policy.ca_file)
    limits = {"timeout": {"connect": policy.connect_s}}
    with (
        _name_errors(url.host),
        httpcore.ConnectionPool(ssl_context=tls, network_backend=backend) as pool,
        pool.stream(method, target, headers=list(sent.items()), content=body, extensions=limits) as answer,
    ):
        yield answer


def read_header(answer: httpcore.Response, name: bytes) -> str:
    """The header's value, empty where it is missing; all of them, with commas, where there are several."""
    found = [value.decode("latin-1") for key, value in answer.headers if key.lower() == name]
    return ", ".join(found).strip()


@contextmanager
def _name_errors(host: str) -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise UrlTimeout(f"{host} did not answer in time.") from error
    except httpcore.ConnectError as error:
        raise UrlUnreachable(f"{host} could not be connected to.") from error
    except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
        raise UrlUnreachable(f"{host} broke off, or does not speak HTTP.") from error
    except httpcore.LocalProtocolError as error:
        raise UrlInvalid(f"{host} cannot be asked for this: {error}") from error

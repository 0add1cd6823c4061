"""Connections to addresses that were checked: resolved once, and connected to as they were resolved.

The name is used again only for TLS and the header Host, so a second answer of DNS changes nothing.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import httpcore
import httpx

from outbound.addresses import Address, is_allowed
from outbound.errors import AddressNotAllowed, UrlUnreachable
from outbound.policy import FetchPolicy


class Deadline:
    """The moment when the whole exchange must be done."""

    def __init__(self, timeout_s: float) -> None:
        self._ends = time.monotonic() + timeout_s

    @property
    def left_s(self) -> float:
        """Seconds left, at least 0."""
        return max(self._ends - time.monotonic(), 0.0)


class CheckedBackend(httpcore.NetworkBackend):
    """Connects httpcore to addresses that the policy allows, and to nothing else."""

    def __init__(self, policy: FetchPolicy, deadline: Deadline) -> None:
        self._policy = policy
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - httpcore's signature; it has no value here
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - likewise
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers, if every one of them is allowed."""
        addresses = self._policy.resolve(host, self._deadline.left_s)
        if not all(is_allowed(each, allow_private=self._policy.allow_private) for each in addresses):
            raise AddressNotAllowed(f"The host {host} does not lead to a public address.")
        broken: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                return self._connect(address, port, timeout)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                broken = error
        raise broken

    def _connect(self, address: Address, port: int, timeout: float | None) -> httpcore.NetworkStream:
        with _name_errors(httpcore.ConnectTimeout, httpcore.ConnectError):
            family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(_read_left(self._deadline, timeout))
                connection.connect((str(address), port))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                connection.close()
                raise
            return TimedStream(connection, self._deadline)


class TimedStream(httpcore.NetworkStream):
    """A connection whose every step ends at the deadline of the whole: a server that drips gains nothing.

    `timeout`, httpcore's own limit, holds for one step each.
    """

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At most so many bytes, none at the end."""
        with _name_errors(httpcore.ReadTimeout, httpcore.ReadError):
            self._connection.settimeout(_read_left(self._deadline, timeout))
            return self._connection.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All of the bytes."""
        rest = memoryview(buffer)
        with _name_errors(httpcore.WriteTimeout, httpcore.WriteError):
            while rest:
                self._connection.settimeout(_read_left(self._deadline, timeout))
                rest = rest[self._connection.send(rest) :]

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection under TLS, its certificate checked for the name. Raises `UrlUnreachable`."""
        with _name_errors(httpcore.ConnectTimeout, httpcore.ConnectError):
            self._connection.settimeout(_read_left(self._deadline, timeout))
            try:
                wrapped = ssl_context.wrap_socket(self._connection, server_hostname=server_hostname)
            except ssl.SSLError as error:
                raise _describe(server_hostname, error) from error
        return TimedStream(wrapped, self._deadline)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get_extra_info(self, info: str) -> Any:
        """The TLS object, which httpcore asks for the protocol agreed on."""
        is_tls = isinstance(self._connection, ssl.SSLSocket)
        return self._connection if is_tls and info == "ssl_object" else None


@lru_cache(maxsize=8)
def make_tls(ca_file: str) -> ssl.SSLContext:
    """A context that trusts the public authorities and the file's; made once, since reading them is slow."""
    context = httpx.create_ssl_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def _read_left(deadline: Deadline, most_s: float | None) -> float:
    left = deadline.left_s if most_s is None else min(deadline.left_s, most_s)
    if left <= 0:
        raise TimeoutError("the time is up")
    return left


@contextmanager
def _name_errors(timeout: type[Exception], broken: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error)) from error
    except (OSError, ValueError) as error:
        raise broken(str(error)) from error


def _describe(host: str | None, error: ssl.SSLError) -> UrlUnreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        return UrlUnreachable(f"The certificate of {host} is not trusted: {why}.", transient=False)
    return UrlUnreachable(f"{host} does not speak TLS as it must.", transient=False)

"""Names to addresses, within a time: the system's resolver knows none of its own."""

import socket
from collections.abc import Callable
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from outbound.addresses import Address
from outbound.errors import UrlInvalid, UrlTimeout, UrlUnreachable

# (host, timeout_s) -> every address of the host; raises an `OutboundRefused`.
Resolve = Callable[[str, float], tuple[Address, ...]]

_PASSING: Final = frozenset({socket.EAI_AGAIN, socket.EAI_SYSTEM, socket.EAI_MEMORY})


def resolve_host(host: str, timeout_s: float) -> tuple[Address, ...]:
    """Every address of the host, in the system's order.

    Raises `UrlTimeout`, `UrlUnreachable` for a host without an address, `UrlInvalid` for what cannot be one.
    """
    answers: SimpleQueue[tuple[Address, ...] | Exception] = SimpleQueue()
    # A thread that nobody waits for: getaddrinfo cannot be stopped, and ends by itself.
    Thread(target=_ask, args=(host, answers), name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(timeout_s, 0.0))
    except Empty as error:
        raise UrlTimeout(f"The name {host} was not resolved in time.") from error
    if isinstance(answer, tuple):
        return answer
    raise _describe(host, answer) from answer


def _ask(host: str, answers: "SimpleQueue[tuple[Address, ...] | Exception]") -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        answers.put(error)
    else:
        answers.put(tuple(dict.fromkeys(ip_address(str(each[4][0])) for each in found)))


def _describe(host: str, error: Exception) -> UrlInvalid | UrlUnreachable:
    if isinstance(error, UnicodeError):
        return UrlInvalid(f"{host} is no host name.")
    passing = isinstance(error, socket.gaierror) and error.errno in _PASSING
    return UrlUnreachable(f"The host {host} has no address that can be found.", transient=passing)

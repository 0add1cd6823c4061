"""What may be sent to whom: the platform's rules for the addresses of endpoints."""

from typing import Final

from django.conf import settings

from outbound.addresses import is_allowed
from outbound.errors import OutboundRefused
from outbound.policy import FetchPolicy
from outbound.urls import read_url
from webhooks.errors import UrlRefused

_RESOLVE_S: Final = 5.0
# Intranets put their services anywhere; on the Internet only the web's own ports are asked.
_ANY_PORT: Final = frozenset(range(1, 2**16))


def delivery_policy() -> FetchPolicy:
    """The rules of a delivery: https to public addresses, unless the operator opens more. No redirects."""
    return FetchPolicy(
        https_only=not settings.WEBHOOK_HTTP,
        allow_private=settings.WEBHOOK_PRIVATE_ADDRESSES,
        timeout_s=settings.WEBHOOK_TIMEOUT_S,
        ports=_ANY_PORT if settings.WEBHOOK_PRIVATE_ADDRESSES else None,
        max_hops=0,
    )


def check_url(url: str) -> None:
    """That the URL can be an endpoint's, as things are now; every delivery looks again.

    Raises `UrlRefused`, also for a host that has no address: a typing error is best told at once.
    """
    policy = delivery_policy()
    try:
        host = read_url(url, policy).raw_host.decode("ascii")
        addresses = policy.resolve(host, _RESOLVE_S)
    except OutboundRefused as refused:
        raise UrlRefused(refused.message) from refused
    if not all(is_allowed(address, allow_private=policy.allow_private) for address in addresses):
        raise UrlRefused(f"The host {host} does not lead to a public address.")

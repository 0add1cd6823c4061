"""Where a request comes from, as far as anybody can know."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from config.caller import read_caller_address

PEER = "192.0.2.7"


@pytest.mark.parametrize(
    ("behind_proxy", "peer", "forwarded", "address"),
    [
        (False, PEER, None, PEER),
        (False, PEER, "203.0.113.9", PEER),
        (True, PEER, None, PEER),
        (True, PEER, "203.0.113.9", "203.0.113.9"),
        (True, PEER, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (True, PEER, "6.6.6.6,2001:DB8::1", "2001:db8::1"),
        (True, PEER, "203.0.113.9, unknown", None),
        (True, PEER, "203.0.113.9, ", PEER),
        (True, "", "203.0.113.9", "203.0.113.9"),
        (False, "", None, None),
        (False, "fe80::1%eth0", None, "fe80::1"),
    ],
)
def test_address_is_the_peers_or_what_the_trusted_proxy_has_added(
    settings: Settings, *, behind_proxy: bool, peer: str, forwarded: str | None, address: str | None
) -> None:
    settings.BEHIND_TLS_PROXY = behind_proxy
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)
    assert read_caller_address(request) == address

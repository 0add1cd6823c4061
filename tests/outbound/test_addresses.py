from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from outbound.addresses import Address, is_allowed
from outbound.errors import AddressNotAllowed, OutboundRefused
from outbound.fetching import fetch
from outbound.policy import FetchPolicy

_CLOSED = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
]
_closed4 = st.sampled_from(_CLOSED).flatmap(lambda network: st.ip_addresses(v=4, network=network))
_any4 = st.ip_addresses(v=4)


def _stands_for_itself(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return True
    return address.ipv4_mapped is None and address not in IPv6Network("64:ff9b::/96")


def _dotted(address: IPv4Address, spell: Callable[[int], str]) -> str:
    return ".".join(spell(part) for part in address.packed)


# The spellings of an IPv4 address that inet_aton, browsers or IPv6 know.
_SPELLINGS: list[Callable[[IPv4Address], str]] = [
    str,
    lambda address: f"{address}.",
    lambda address: str(int(address)),
    lambda address: f"0x{int(address):x}",
    lambda address: f"0X{int(address):08X}",
    lambda address: f"0{int(address):o}",
    lambda address: _dotted(address, lambda part: f"0{part:o}"),
    lambda address: _dotted(address, lambda part: f"0x{part:x}"),
    lambda address: f"{address.packed[0]}.{int(address) & 0xFFFFFF}",
    lambda address: f"{address.packed[0]}.{address.packed[1]}.{int(address) & 0xFFFF}",
    lambda address: str(address).translate({ord("0") + each: 0xFF10 + each for each in range(10)}),
    lambda address: str(address).replace(".", "\N{IDEOGRAPHIC FULL STOP}"),
    lambda address: "".join(f"%{each:02x}" for each in str(address).encode()),
    lambda address: f"[::ffff:{address}]",
    lambda address: f"[::ffff:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}]",
    lambda address: f"[0:0:0:0:0:ffff:{address}]",
    lambda address: f"[::{address}]",
    lambda address: f"[::ffff:0:{address}]",
    lambda address: f"[64:ff9b::{address}]",
    lambda address: f"[64:ff9b:1::{address}]",
    lambda address: f"[2002:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}::1]",
    lambda address: f"[{IPv6Address((0x20010000 << 96) | (int(address) ^ 0xFFFFFFFF))}]",
]


@given(address=_closed4, spell=st.sampled_from(_SPELLINGS))
def test_address_that_is_not_global_is_refused_in_every_spelling(
    address: IPv4Address, spell: Callable[[IPv4Address], str]
) -> None:
    with pytest.raises(OutboundRefused) as caught:
        fetch(f"https://{spell(address)}/photo.jpg", FetchPolicy(timeout_s=5))
    assert caught.value.code in {"address_not_allowed", "url_invalid"}
    assert not caught.value.transient


@pytest.mark.parametrize(
    "text",
    [
        "::",
        "::1",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fd12:3456:789a::1",
        "ff02::1",
        "ff0e::1",
        "100::1",
        "2001::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:808:808::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808",
        "::ffff:169.254.169.254",
        "169.254.169.254",
        "168.63.129.16",
        "192.88.99.1",
        "255.255.255.255",
    ],
)
def test_special_address_is_refused(text: str) -> None:
    assert not is_allowed(ip_address(text), allow_private=False)


@given(address=st.ip_addresses().filter(_stands_for_itself))
def test_address_that_python_does_not_call_global_is_never_allowed(address: Address) -> None:
    assume(not address.is_global or address.is_multicast or address.is_reserved)
    assert not is_allowed(address, allow_private=False)


@given(address=_any4)
def test_address_is_judged_alike_behind_ipv6(address: IPv4Address) -> None:
    """Mapped and NAT64 addresses reach the IPv4 address itself, so it decides, whichever way it goes."""
    for allow_private in (False, True):
        plain = is_allowed(address, allow_private=allow_private)
        assert is_allowed(IPv6Address(f"::ffff:{address}"), allow_private=allow_private) == plain
        assert is_allowed(IPv6Address(f"64:ff9b::{address}"), allow_private=allow_private) == plain


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8"]
)
def test_global_address_is_allowed(text: str) -> None:
    assert is_allowed(ip_address(text), allow_private=False)


@pytest.mark.parametrize(
    "text", ["10.1.2.3", "192.168.1.1", "172.31.0.1", "100.64.0.1", "127.0.0.1", "::1", "fd00::1"]
)
def test_private_address_is_allowed_where_the_operator_says_so(text: str) -> None:
    assert is_allowed(ip_address(text), allow_private=True)
    assert not is_allowed(ip_address(text), allow_private=False)


@pytest.mark.parametrize(
    "text",
    [
        "169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "::",
        "224.0.0.1",
    ],
)
def test_addresses_of_machines_credentials_stay_closed_where_private_ones_are_open(text: str) -> None:
    assert not is_allowed(ip_address(text), allow_private=True)


@given(
    private=_closed4,
    others=st.lists(st.just(IPv4Address("8.8.8.8")) | st.just(IPv6Address("2606:4700::1111")), max_size=4),
    place=st.integers(0, 4),
)
def test_name_with_one_private_address_among_global_ones_is_refused(
    private: IPv4Address, others: list[Address], place: int
) -> None:
    answers = (*others[:place], private, *others[place:])
    policy = FetchPolicy(resolve=lambda _host, _timeout_s: answers)
    with pytest.raises(AddressNotAllowed) as caught:
        fetch("https://photos.acme.example/1.jpg", policy)
    assert str(private) not in caught.value.message


def test_localhost_is_refused_by_its_name() -> None:
    for url in ("https://localhost/", "https://LOCALHOST./", "https://localhost.:443/"):
        with pytest.raises(OutboundRefused) as caught:
            fetch(url, FetchPolicy(timeout_s=5))
        assert caught.value.code in {"address_not_allowed", "url_unreachable"}

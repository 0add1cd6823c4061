"""Which IP addresses may be asked for a tenant.

The tables are ours, on top of `ipaddress.is_global`, whose answer changes between Python's patch releases.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

# IANA's special-purpose registries (RFC 6890 and later), multicast, and what is reserved.
_CLOSED4: Final = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# All that is given out for the Internet at large, and within it what is not: Teredo and its like, addresses
# for documentation, and 6to4, which carries an IPv4 address of anybody's choice.
_OPEN6: Final = IPv6Network("2000::/3")
_CLOSED6: Final = tuple(
    IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
# Translation to IPv4 by the network (RFC 6052): what counts is the IPv4 address in it.
_NAT64: Final = IPv6Network("64:ff9b::/96")
# What "private" may open; never link-local, which is where clouds keep their machines' credentials.
_PRIVATE4: Final = tuple(
    IPv4Network(each)
    for each in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
_PRIVATE6: Final = (IPv6Network("fc00::/7"), IPv6Network("::1/128"))
# Services of clouds for their own machines at addresses outside link-local: Azure, Alibaba, Amazon.
_NEVER: Final = frozenset(
    ip_address(each)
    for each in ("168.63.129.16", "100.100.100.200", "fd00:ec2::23", "fd00:ec2::253", "fd00:ec2::254")
)


def is_allowed(address: Address, *, allow_private: bool) -> bool:
    """Whether the address is a global one; private ones and loopback too where `allow_private`."""
    address = _unwrap(address)
    if address in _NEVER:
        return False
    return _is_global(address) or (allow_private and _is_private(address))


def _unwrap(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it is reached as such."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address


def _is_global(address: Address) -> bool:
    if not address.is_global:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED4)
    return address in _OPEN6 and not any(address in network for network in _CLOSED6)


def _is_private(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in network for network in _PRIVATE4)
    return any(address in network for network in _PRIVATE6)

"""URLs from tenants: read strictly, before anything is asked."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import httpx

from outbound.addresses import is_allowed
from outbound.errors import AddressNotAllowed, UrlInvalid
from outbound.policy import FetchPolicy

_LONGEST: Final = 4096
_PORTS: Final = {"http": 80, "https": 443}
_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_IPV6: Final = re.compile(r"[0-9a-f:.]+")
# What resolvers take for a number: the last label decides, as in the WHATWG URL standard, section 3.5.
_NUMBER: Final = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?")


def read_url(text: str, policy: FetchPolicy) -> httpx.URL:
    """The URL, fit to be asked. Raises `UrlInvalid`; `AddressNotAllowed` for a port or a bare address."""
    if len(text) > _LONGEST:
        raise UrlInvalid(f"The URL is longer than {_LONGEST} characters.")
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, ValueError) as error:
        raise UrlInvalid(f"This is no URL: {error}") from error
    check_url(url, policy)
    return url


def check_url(url: httpx.URL, policy: FetchPolicy) -> None:
    """As `read_url`, for a URL that is read already."""
    if url.scheme not in _PORTS:
        raise UrlInvalid("Only https:// (and where it is allowed http://) can be asked.")
    if policy.https_only and url.scheme != "https":
        raise UrlInvalid("Only https:// can be asked; http:// is not allowed here.")
    if url.userinfo:
        raise UrlInvalid("The URL must not contain a user name or password.")
    if not policy.allows_port(read_port(url)):
        raise AddressNotAllowed(f"Port {read_port(url)} is not allowed.")
    _check_host(url.raw_host.decode("ascii"), policy)


def read_port(url: httpx.URL) -> int:
    """The port that the URL names, or its scheme's."""
    return url.port if url.port is not None else _PORTS[url.scheme]


def _check_host(host: str, policy: FetchPolicy) -> None:
    address = _read_address(host)
    if address is None:
        if not _NAME.fullmatch(host):
            raise UrlInvalid("The URL names no host that can be asked.")
    elif not is_allowed(address, allow_private=policy.allow_private):
        raise AddressNotAllowed(f"{host} is no public address.")


def _read_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that the host is, None for a name. Other spellings of an address raise `UrlInvalid`."""
    if not _NUMBER.fullmatch(host) and ":" not in host:
        return None
    try:
        if ":" in host and not _IPV6.fullmatch(host):
            raise ValueError("a zone")  # noqa: TRY301 - joins the addresses that cannot be read
        return ip_address(host)
    except ValueError as error:
        raise UrlInvalid(f"{host} is no address in its plain spelling.") from error

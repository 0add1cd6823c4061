"""Why an address that a tenant named was not asked, or gave nothing that can be used.

OutboundRefused
├── UrlInvalid          url_invalid           not a URL that may be asked: scheme, user name, spelling
├── AddressNotAllowed   address_not_allowed   leads to a private address, or to a port that is not allowed
├── UrlUnreachable      url_unreachable       no such host, no connection, no trusted certificate, broken off
├── UrlTimeout          url_timeout           not done within the time for all of it
├── UrlTooLarge         url_too_large         more bytes than allowed
├── UrlStatus           url_status            answered, but not with 200; `status` says with what
├── UrlEncoded          url_encoded           answered compressed, though asked not to
└── TooManyRedirects    too_many_redirects

No message tells which address a name leads to: it would draw a map of our network for whoever asks.
"""

from http import HTTPStatus
from typing import Final

_PASSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class OutboundRefused(Exception):
    """`code` is stable, for programs; `message` is for the person who named the address.

    transient: asking again later may work.
    """

    code = "outbound_refused"
    transient = False

    def __init__(self, message: str, *, transient: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        if transient is not None:
            self.transient = transient


class UrlInvalid(OutboundRefused):
    """Not a URL that may be asked."""

    code = "url_invalid"


class AddressNotAllowed(OutboundRefused):
    """The URL leads to an address or port that may not be asked."""

    code = "address_not_allowed"


class UrlUnreachable(OutboundRefused):
    """Nobody there, or the connection broke."""

    code = "url_unreachable"
    transient = True


class UrlTimeout(OutboundRefused):
    """The time for the whole exchange was up."""

    code = "url_timeout"
    transient = True


class UrlTooLarge(OutboundRefused):
    """The answer is larger than allowed."""

    code = "url_too_large"


class UrlStatus(OutboundRefused):
    """The server answered with another status than 200."""

    code = "url_status"

    def __init__(self, message: str, *, status: int) -> None:
        passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING
        super().__init__(message, transient=passing)
        self.status = status


class UrlEncoded(OutboundRefused):
    """The server compressed its answer, so that its size says nothing."""

    code = "url_encoded"


class TooManyRedirects(OutboundRefused):
    """The server sent us on more often than allowed, perhaps in a circle."""

    code = "too_many_redirects"

"""Where a request comes from."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def read_caller_address(request: HttpRequest) -> str | None:
    """The caller's IP address; None where the server was reached without one, as through a unix socket.

    Behind a TLS proxy (`BEHIND_TLS_PROXY`) it is the last of `X-Forwarded-For`, which that proxy itself has
    added; what stands before it was said by the caller, and anybody can say anything.
    """
    named = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS_PROXY:
        named = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or named
    try:
        # The zone of a link-local address means something on this machine only.
        return str(ip_address(named.partition("%")[0]))
    except ValueError:
        return None

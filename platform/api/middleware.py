"""Around every request: its id, and a bound on its body."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from api.errors import answer_problem
from config.log import request_id
from tenants.models.identifiers import new_id

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Gives each request an id (the caller's `X-Request-ID` if it is a plain one) in logs and answers."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set the id for the time of the request."""
        given = request.headers.get("X-Request-ID", "")
        identifier = given if _ACCEPTED_ID.fullmatch(given) else str(new_id())
        token = request_id.set(identifier)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(token)
        response["X-Request-ID"] = identifier
        return response


class BodyLimitMiddleware:
    """Refuses a body that says it is too large before any of it is read.

    A body that does not say how long it is has none for WSGI, so there is nothing to count.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look at Content-Length."""
        length = request.headers.get("Content-Length") or "0"
        if length.isdecimal() and int(length) > settings.MAX_BODY_BYTES:
            limit = settings.MAX_BODY_BYTES // 2**20
            return answer_problem(
                "body_too_large", f"The body is larger than {limit} MiB. Send less at once."
            )
        return self.get_response(request)

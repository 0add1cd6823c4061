"""Around every page."""

import logging
from collections.abc import Callable

import redis
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from frontend.errors import show_away
from jobs.errors import Unavailable

_log = logging.getLogger(__name__)
_SOON_S = 5
_AWAY = (InterfaceError, OperationalError, redis.ConnectionError, redis.TimeoutError)


class AwayMiddleware:
    """Says so on a page when PostgreSQL, Valkey or the mail server is away. The API says it by itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing to do on the way in or out."""
        return self.get_response(request)

    def process_exception(self, _request: HttpRequest, error: Exception) -> HttpResponse | None:
        """None lets any other error go on to Django, which logs it."""
        if isinstance(error, Unavailable):
            return show_away(error.message, error.retry_after or _SOON_S)
        if isinstance(error, _AWAY):
            _log.warning("A page could not be shown: %s", error)
            return show_away(_("A part of the service is away. Try again shortly."), _SOON_S)
        return None

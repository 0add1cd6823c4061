"""Errors that no view answers: a page for people, a problem for programs."""

from django.http import HttpRequest, HttpResponse

from api import errors as problems
from frontend import errors as pages


def answer_bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: a host that is not ours, or a request that it found suspicious."""
    return (pages.show_bad_request if _wants_page(request) else problems.answer_bad_request)(
        request, exception
    )


def answer_unknown_page(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return (pages.show_unknown_page if _wants_page(request) else problems.answer_unknown_page)(
        request, exception
    )


def answer_crash(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    return (pages.show_crash if _wants_page(request) else problems.answer_crash)(request)


def _wants_page(request: HttpRequest) -> bool:
    """A browser asks for HTML by name; what takes anything is a program, and so is all that calls the API."""
    return not request.path_info.startswith("/v1/") and "text/html" in request.headers.get("Accept", "")

"""Errors as pages. None of them asks the database for anything: it may be what has failed."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from config.log import request_id


def show_error(
    status: int, *, title: str, detail: str, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """A page that says what happened and what to do about it."""
    context = {"title": title, "detail": detail, "status": status, "request_id": request_id.get()}
    return HttpResponse(render_to_string("frontend/error.html", context), status=status, headers=headers)


def show_bad_request(_request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's name
    """Django's handler400."""
    return show_error(
        400,
        title=_("This request is not valid"),
        detail=_("Check the address, or go back and try again."),
    )


def show_forged(_request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's name
    """A form without the token that proves that it is ours."""
    return show_error(
        403,
        title=_("This form has expired"),
        detail=_("Go back, load the page again, and send the form once more. Cookies must be allowed."),
    )


def show_forbidden(_request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's name
    """Django's handler403."""
    return show_error(403, title=_("You may not do this"), detail=_("Ask an owner of the shop."))


def show_unknown_page(_request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's name
    """Django's handler404; also what a person sees who may not see a thing."""
    return show_error(
        404,
        title=_("There is nothing here"),
        detail=_("The address is wrong, or the thing is gone, or it belongs to a shop that you are not in."),
    )


def show_too_many(_request: HttpRequest) -> HttpResponse:
    """The answer to those who try too often."""
    return show_error(
        429,
        title=_("Too many attempts"),
        detail=_("Wait a few minutes, then try again."),
        headers={"Retry-After": "300"},
    )


def show_crash(_request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    return show_error(
        500,
        title=_("Something went wrong here"),
        detail=_("It was logged. Try again; if it stays so, tell the operator the number below."),
    )


def show_away(detail: str, retry_after: int) -> HttpResponse:
    """A server that we need does not answer."""
    return show_error(
        503,
        title=_("Back in a moment"),
        detail=detail,
        headers={"Retry-After": str(retry_after)},
    )

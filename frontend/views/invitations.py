"""The page behind the link of an invitation."""

from typing import Any

from allauth.account.utils import perform_login
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views import View

from config.caller import read_caller_address
from frontend.access import name_actor
from frontend.errors import show_error
from frontend.joining import Way, find_way, join_as_new
from frontend.people import draft_person
from frontend.shops import choose_shop, list_shops
from tenants.domain.audit import acting_as
from tenants.domain.invitations import accept_invitation, find_invitation
from tenants.errors import Conflict, InvitationRejected
from tenants.models import Invitation


class InvitationView(View):
    """Tells what one is invited to, and lets one join: signed in, or with a password for a new account."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """No copy of the page is kept anywhere; a link that opens nothing says why."""
        try:
            response = super().dispatch(request, *args, **kwargs)
        except InvitationRejected as error:
            response = show_error(404, title=_("This invitation does not open"), detail=error.message)
        add_never_cache_headers(response)
        return response

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Looking accepts nothing: mail scanners follow links, too."""
        invitation = find_invitation(token=token)
        way = find_way(invitation, request.user)
        form = SetPasswordForm(draft_person(invitation.email)) if way is Way.REGISTER else None
        return _show(request, invitation, way, form)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Join, where all that it takes is there."""
        invitation = find_invitation(token=token)
        way = find_way(invitation, request.user)
        if way is Way.JOIN and isinstance(request.user, User):
            with acting_as(name_actor(request, request.user)):
                accept_invitation(token=token, user=request.user)
            return _enter(request, request.user, invitation)
        if way is Way.REGISTER:
            return self._register(request, token, invitation)
        return _show(request, invitation, way, None, status=409)

    def _register(self, request: HttpRequest, token: str, invitation: Invitation) -> HttpResponse:
        draft = draft_person(invitation.email)
        form = SetPasswordForm(draft, request.POST)
        if not form.is_valid():
            return _show(request, invitation, Way.REGISTER, form, status=422)
        draft = form.save(commit=False)
        try:
            join_as_new(token=token, draft=draft, address=read_caller_address(request))
        except Conflict:
            return _show(request, invitation, Way.SIGN_IN, None, status=409)
        response: HttpResponse = perform_login(request, draft)
        choose_shop(request, invitation.tenant_id, list_shops(draft))
        return response


def _enter(request: HttpRequest, user: User, invitation: Invitation) -> HttpResponse:
    choose_shop(request, invitation.tenant_id, list_shops(user))
    return redirect("home")


def _show(
    request: HttpRequest,
    invitation: Invitation,
    way: Way,
    form: "SetPasswordForm[User] | None",
    status: int = 200,
) -> HttpResponse:
    context = {"invitation": invitation, "way": way.value, "form": form}
    return render(request, "frontend/invitation.html", context, status=status)

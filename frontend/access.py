"""Who may see which page."""

from typing import Any, ClassVar

from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views import View

from config.caller import read_caller_address
from frontend.shops import Shop, find_current, list_shops
from tenants.domain.audit import Actor, acting_as
from tenants.errors import NotFound
from tenants.models import AuditEvent
from tenants.models.api_key import Scope
from tenants.scope import tenant_scope


class PersonView(LoginRequiredMixin, View):
    """A page for whoever is signed in; others are sent to sign in. No copy of it is kept anywhere."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer in the name of the person."""
        if not isinstance(request.user, User):
            return self.handle_no_permission()
        with acting_as(name_actor(request, request.user)):
            response = super().dispatch(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    @property
    def person(self) -> User:
        """Who is signed in."""
        if not isinstance(self.request.user, User):
            raise TypeError("the page was reached by nobody")
        return self.request.user


class ShopView(PersonView):
    """A page of the current shop, for members whose role may do what the page does; for others there is none.

    It runs as the tenant, so the whole page is to be made before it returns. What others have is not found.
    """

    read_scope: ClassVar[Scope] = Scope.CATALOG_READ
    write_scope: ClassVar[Scope] = Scope.CATALOG_WRITE
    shop: Shop

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Look the role up anew each time, so that who was removed is out at once."""
        if not isinstance(request.user, User):
            return self.handle_no_permission()
        shop = find_current(request, list_shops(request.user))
        if shop is None or self._needed_scope() not in shop.scopes:
            raise Http404
        self.shop = shop
        with tenant_scope(shop.tenant.pk):
            try:
                return super().dispatch(request, *args, **kwargs)
            except NotFound as error:
                raise Http404 from error

    def show(self, template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
        """The page, rendered here and now, with the shop in it."""
        return render(self.request, template, {"shop": self.shop, **(context or {})}, status=status)

    def _needed_scope(self) -> Scope:
        return self.read_scope if self.request.method in {"GET", "HEAD", "OPTIONS"} else self.write_scope


def name_actor(request: HttpRequest, user: User) -> Actor:
    """Whom the audit log names for what this request does."""
    return Actor(AuditEvent.Actor.USER, str(user.pk), user.email, read_caller_address(request))

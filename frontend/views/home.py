"""Where somebody arrives after signing in."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from frontend.access import PersonView
from frontend.galleries import list_gallery_cards
from frontend.shops import choose_shop, find_current, list_shops
from tenants.models.api_key import Scope
from tenants.scope import tenant_scope


class HomeView(PersonView):
    """The person's shops, and the galleries of the current one."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Also for those who are in no shop."""
        shops = list_shops(self.person)
        shop = find_current(request, shops)
        context = {"shops": shops, "shop": shop}
        if shop is None or Scope.CATALOG_READ not in shop.scopes:
            return render(request, "frontend/home.html", context)
        with tenant_scope(shop.tenant.pk):
            return render(request, "frontend/home.html", {**context, "cards": list_gallery_cards()})


class ShopChoiceView(PersonView):
    """Choosing the current shop."""

    def post(self, request: HttpRequest, tenant: UUID) -> HttpResponse:
        """Back to the start, which shows the shop."""
        if not choose_shop(request, tenant, list_shops(self.person)):
            raise Http404
        return redirect("home")

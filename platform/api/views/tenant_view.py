"""What all views of a tenant's things share."""

from contextlib import ExitStack
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.models import ApiKey, Gallery
from tenants.models.api_key import Scope
from tenants.queries.catalog import get_gallery
from tenants.scope import tenant_scope


class TenantView(GenericAPIView[Any]):
    """A view that runs as the tenant of its key, whose address may name a gallery."""

    read_scope = Scope.CATALOG_READ
    write_scope = Scope.CATALOG_WRITE

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the request; the tenant's scope, entered once the key is known, ends with it."""
        with ExitStack() as self._scopes:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then become the tenant."""
        super().initial(request, *args, **kwargs)
        self._scopes.enter_context(tenant_scope(self.key.tenant_id))

    @property
    def key(self) -> ApiKey:
        """The key of this request."""
        key = self.request.auth
        if not isinstance(key, ApiKey):
            raise TypeError("the view was reached without a key")
        return key

    def get_gallery(self) -> Gallery:
        """The gallery that the address names. Raises `NotFound`."""
        return get_gallery(self.kwargs["gallery"])

    def paginate(self, rows: Any) -> Response:
        """One page of the rows, serialised."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

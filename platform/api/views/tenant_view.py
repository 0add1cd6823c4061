"""What all views of a tenant's things share."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from api.idempotency import answer_once
from api.limits import Counted, count_call
from config.caller import read_caller_address
from tenants.domain.audit import Actor, acting_as
from tenants.models import ApiKey, AuditEvent, Gallery
from tenants.models.api_key import Scope
from tenants.queries.catalog import get_gallery
from tenants.scope import tenant_scope


class TenantView(GenericAPIView[Any]):
    """A view that runs as the tenant of its key, whose address may name a gallery.

    Its POST takes an `Idempotency-Key`, unless it `only_asks`.
    """

    read_scope = Scope.CATALOG_READ
    write_scope = Scope.CATALOG_WRITE
    only_asks: ClassVar[bool] = False
    # Whether a worker answers within the request: then none is begun that no worker would take.
    asks_worker: ClassVar[bool] = False
    _counted = Counted()
    post: ClassVar[Callable[..., HttpResponseBase]]

    def __init_subclass__(cls, **given: Any) -> None:
        """For all views, so that whoever writes one cannot forget it."""
        super().__init_subclass__(**given)
        if "post" in cls.__dict__ and not cls.only_asks:
            cls.post = answer_once(cls.post)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the request; the tenant's scope, entered once the key is known, ends with it."""
        with ExitStack() as self._scopes:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then become the tenant."""
        super().initial(request, *args, **kwargs)
        self._scopes.enter_context(tenant_scope(self.key.tenant_id))
        self._scopes.enter_context(acting_as(self._name_actor()))

    def check_throttles(self, request: Request) -> None:
        """Count the call. Raises `Unavailable` and `QuotaExceeded`."""
        super().check_throttles(request)
        self._counted = count_call(self.key, wants_worker=self.asks_worker)
        if self._counted.refusal:
            raise self._counted.refusal

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Tell with every answer how many calls are left."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        for name, value in self._counted.headers.items():
            answer[name] = value
        return answer

    @property
    def key(self) -> ApiKey:
        """The key of this request."""
        key = self.request.auth
        if not isinstance(key, ApiKey):
            raise TypeError("the view was reached without a key")
        return key

    def _name_actor(self) -> Actor:
        address = read_caller_address(self.request)
        return Actor(AuditEvent.Actor.KEY, id=str(self.key.pk), name=self.key.name, address=address)

    def stores_files(self, request: Request) -> bool:
        """Whether a POST writes files; they would be left behind where a transaction is taken back."""
        return bool(request.FILES)

    def get_gallery(self) -> Gallery:
        """The gallery that the address names. Raises `NotFound`."""
        return get_gallery(self.kwargs["gallery"])

    def paginate(self, rows: Any) -> Response:
        """One page of the rows, serialised."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

import time
from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.parsers import FormParser, JsonParser
from api.serializers.query import (
    RecognitionSerializer,
    RecognizeFormSerializer,
    RecognizeRequestSerializer,
    SearchFormSerializer,
    SearchRequestSerializer,
    SearchSerializer,
)
from api.views.tenant_view import TenantView
from config.log import request_id
from inference.errors import ImageRejected
from inference.images import sniff_format
from jobs.calls import ask_worker
from retrieval.readiness import check_ready
from retrieval.recognition import RecognitionOptions
from tenants.models.api_key import Scope


class _QueryView(TenantView):
    """A query photo, answered by a worker within the request."""

    parser_classes = [FormParser, JsonParser]
    only_asks = True
    write_scope = Scope.RECOGNIZE
    asks_worker = True
    serializer_class: type[SearchRequestSerializer]
    form_class: type[SearchRequestSerializer]
    task: str

    def ask(self, request: Request) -> Response:
        """Check what can be checked here, ask a worker, answer."""
        started = time.perf_counter()
        gallery = self.get_gallery()
        given = self._choose_serializer(request)(data=request.data)
        given.is_valid(raise_exception=True)
        options = {name: value for name, value in given.validated_data.items() if name != "image"}
        # What cannot be had with this gallery's settings needs no worker to be refused, either.
        RecognitionOptions(**options).applied_to(gallery.settings)
        check_ready(gallery)
        answer = ask_worker(
            task=self.task,
            tenant_id=self.key.tenant_id,
            arguments={"gallery": str(gallery.pk), "options": options},
            photo=_check_bytes(given.validated_data["image"]),
        )
        answer["timings_ms"]["total"] = round((time.perf_counter() - started) * 1000, 2)
        return Response({"request_id": request_id.get(), **answer})

    def _choose_serializer(self, request: Request) -> type[SearchRequestSerializer]:
        is_form = str(request.content_type).startswith("multipart/")
        return self.form_class if is_form else self.serializer_class


class RecognizeView(_QueryView):
    """What is this?"""

    serializer_class = RecognizeRequestSerializer
    form_class = RecognizeFormSerializer
    task = "recognize.recognize"

    @extend_schema(
        operation_id="recognize",
        request={
            "multipart/form-data": RecognizeFormSerializer,
            "application/json": RecognizeRequestSerializer,
        },
        responses=RecognitionSerializer,
    )
    def post(self, request: Request, gallery: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """Name the product in a photo, or say `unknown` and why."""
        return self.ask(request)


class SearchView(_QueryView):
    """What is near?"""

    serializer_class = SearchRequestSerializer
    form_class = SearchFormSerializer
    task = "recognize.search"

    @extend_schema(
        operation_id="search",
        request={
            "multipart/form-data": SearchFormSerializer,
            "application/json": SearchRequestSerializer,
        },
        responses=SearchSerializer,
    )
    def post(self, request: Request, gallery: UUID) -> Response:  # noqa: ARG002
        """Find the reference photos nearest to a photo; nothing is decided."""
        return self.ask(request)


def _check_bytes(data: Any) -> bytes:
    """Refuse at once what needs no worker to be refused."""
    if len(data) > settings.MAX_IMAGE_BYTES:
        limit = settings.MAX_IMAGE_BYTES // 2**20
        raise ImageRejected("image_too_large", f"The image is larger than {limit} MiB.")
    sniff_format(data)
    return bytes(data)

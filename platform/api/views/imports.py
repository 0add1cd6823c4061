import io
import json
from collections.abc import Mapping
from typing import Any, BinaryIO
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.parsers import FormParser, JsonParser
from api.serializers.imports import ImportFormSerializer, ImportRequestSerializer
from api.serializers.job import JobSerializer
from api.views.galleries import job_headers
from api.views.tenant_view import TenantView
from jobs.models import Job
from tenants.models import Gallery
from transfer.imports.request import ImportRequest
from transfer.imports.starting import start_import
from transfer.uploads.expiry import expire_upload
from transfer.uploads.receiving import store_upload


class ImportsView(TenantView):
    """Catalogues that come in."""

    parser_classes = [JsonParser, FormParser]
    serializer_class = ImportRequestSerializer

    @extend_schema(
        operation_id="create_import",
        request={"application/json": ImportRequestSerializer, "multipart/form-data": ImportFormSerializer},
        responses={202: JobSerializer},
    )
    def post(self, request: Request, gallery: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """Import products and photos. The job in `Location` says how far it is, and how each row ended.

        The source is an upload, a directory that the operator allowed, a list of photos by URL, or the file
        itself in a form. A row that cannot be used ends as failed; the others are imported.
        """
        found = self.get_gallery()
        is_form = str(request.content_type).startswith("multipart/")
        serializer_class = ImportFormSerializer if is_form else ImportRequestSerializer
        given = serializer_class(data=request.data)
        given.is_valid(raise_exception=True)
        job = _start(found, given.validated_data)
        return Response(JobSerializer(job).data, status=202, headers=job_headers(job))

    def stores_files(self, request: Request) -> bool:
        """Photos by URL are stored as a manifest."""
        return super().stores_files(request) or (isinstance(request.data, dict) and "photos" in request.data)


def _start(gallery: Gallery, said: Mapping[str, Any]) -> Job:
    """The import's job. What comes along is stored as an upload first, and given up if it is refused."""
    options = {name: said[name] for name in ("mode", "dry_run", "near_duplicates", "columns") if name in said}
    brought = _open_brought(said)
    if brought is None:
        source = {name: said[name] for name in ("upload", "directory") if name in said}
        return start_import(gallery=gallery, request=ImportRequest(**source, **options), trigger="api")
    upload = store_upload(*brought)
    try:
        return start_import(
            gallery=gallery, request=ImportRequest(upload=upload.pk, **options), trigger="api"
        )
    except BaseException:
        expire_upload(upload)
        raise


def _open_brought(said: Mapping[str, Any]) -> tuple[str, BinaryIO] | None:
    """(filename, bytes) of what the request itself holds; None where it names its source."""
    if "file" in said:
        return said["file"].name, said["file"]
    if "photos" in said:
        lines = "".join(f"{json.dumps(photo)}\n" for photo in said["photos"])
        return "photos.jsonl", io.BytesIO(lines.encode())
    return None

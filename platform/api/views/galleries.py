from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.gallery import (
    GalleryCreatedSerializer,
    GalleryDetailSerializer,
    GallerySerializer,
    GalleryUpdateSerializer,
)
from api.serializers.job import JobSerializer
from api.views.tenant_view import TenantView
from jobs.models import Job
from retrieval.analysers import default_embedder
from retrieval.galleries import close_gallery, open_gallery
from tenants.domain.galleries import update_gallery
from tenants.domain.gallery_settings import GallerySettings
from tenants.models import Gallery
from tenants.queries.catalog import list_galleries


def job_headers(job: Job) -> dict[str, str]:
    """Where the caller can follow the job."""
    return {"Location": reverse("job", kwargs={"job": job.id})}


class GalleriesView(TenantView):
    """The shop's galleries."""

    serializer_class = GallerySerializer

    @extend_schema(operation_id="list_galleries", responses=GallerySerializer(many=True))
    def get(self, _request: Request) -> Response:
        """List the galleries, newest first."""
        return self.paginate(list_galleries())

    @extend_schema(
        operation_id="create_gallery",
        request=GallerySerializer,
        responses={202: GalleryCreatedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a gallery. It can be searched once the job in `Location` has made it `ready`."""
        given = GallerySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        gallery, job = open_gallery(
            tenant_id=self.key.tenant_id,
            name=given.validated_data["name"],
            embedder=given.validated_data.get("embedder") or default_embedder(),
            settings=GallerySettings.parse(given.validated_data.get("settings", {})),
            trigger="api",
        )
        shown: dict[str, Any] = {**GallerySerializer(gallery).data, "job": job.id}
        return Response(shown, status=202, headers=job_headers(job))


class GalleryView(TenantView):
    """One gallery."""

    serializer_class = GallerySerializer

    @extend_schema(operation_id="read_gallery", responses=GalleryDetailSerializer)
    def get(self, _request: Request, gallery: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """Read a gallery."""
        return Response(GalleryDetailSerializer(self.get_gallery()).data)

    @extend_schema(
        operation_id="update_gallery", request=GalleryUpdateSerializer, responses=GallerySerializer
    )
    def patch(self, request: Request, gallery: UUID) -> Response:  # noqa: ARG002
        """Rename a gallery or change its settings."""
        found = self.get_gallery()
        given = GalleryUpdateSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changed = update_gallery(
            gallery=found,
            name=given.validated_data.get("name"),
            settings=_merge_settings(found, given.validated_data.get("settings")),
        )
        return Response(GallerySerializer(changed).data)

    @extend_schema(operation_id="delete_gallery", responses={202: JobSerializer})
    def delete(self, _request: Request, gallery: UUID) -> Response:  # noqa: ARG002
        """Delete a gallery with all it holds. It is gone at once; the job removes vectors and files."""
        job = close_gallery(gallery=self.get_gallery(), trigger="api")
        return Response(JobSerializer(job).data, status=202, headers=job_headers(job))


def _merge_settings(gallery: Gallery, changes: dict[str, Any] | None) -> GallerySettings | None:
    if changes is None:
        return None
    return GallerySettings.parse({**asdict(GallerySettings.parse(gallery.settings)), **changes})

from typing import Any
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.gallery import (
    GalleryDetailSerializer,
    GalleryRequestSerializer,
    GallerySerializer,
    GalleryWithJobSerializer,
)
from api.serializers.job import JobSerializer
from api.views.tenant_view import TenantView
from jobs.models import Job
from retrieval.galleries import change_gallery, close_gallery, open_gallery, reindex_gallery
from retrieval.index.report import with_indexes
from retrieval.model_choice import settle_settings
from retrieval.readiness import check_ready
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
        return self.paginate(with_indexes(list_galleries()))

    @extend_schema(
        operation_id="create_gallery",
        request=GalleryRequestSerializer,
        responses={202: GalleryWithJobSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a gallery. It can be searched once the job in `Location` has made it `ready`."""
        given = GalleryRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        gallery, job = open_gallery(
            tenant_id=self.key.tenant_id,
            name=given.validated_data["name"],
            settings=settle_settings(said={}, change=given.validated_data.get("settings", {})),
            trigger="api",
        )
        return _answer_accepted(gallery, job)


class GalleryView(TenantView):
    """One gallery."""

    serializer_class = GallerySerializer

    @extend_schema(operation_id="read_gallery", responses=GalleryDetailSerializer)
    def get(self, _request: Request, gallery: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """Read a gallery."""
        return Response(GalleryDetailSerializer(_load_shown(self.get_gallery())).data)

    @extend_schema(
        operation_id="update_gallery",
        request=GalleryRequestSerializer,
        responses={200: GallerySerializer, 202: GalleryWithJobSerializer},
    )
    def patch(self, request: Request, gallery: UUID) -> Response:  # noqa: ARG002
        """Rename a gallery or change its settings. Null takes a setting back to its default.

        A change that wants another index answers 202: the index in use is searched until the job in
        `Location` has built the other one.
        """
        given = GalleryRequestSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changed, job = _change(self.get_gallery(), **given.validated_data)
        if job:
            return _answer_accepted(changed, job)
        return Response(GallerySerializer(_load_shown(changed)).data)

    @extend_schema(operation_id="delete_gallery", responses={202: JobSerializer})
    def delete(self, _request: Request, gallery: UUID) -> Response:  # noqa: ARG002
        """Delete a gallery with all it holds. It is gone at once; the job removes vectors and files."""
        job = close_gallery(gallery=self.get_gallery(), trigger="api")
        return Response(JobSerializer(job).data, status=202, headers=job_headers(job))


class ReindexView(TenantView):
    """A gallery's index, built anew."""

    serializer_class = JobSerializer

    @extend_schema(operation_id="reindex_gallery", request=None, responses={202: JobSerializer})
    def post(self, _request: Request, gallery: UUID) -> Response:  # noqa: ARG002
        """Build the index anew, fitted on the photos that there are now, also in a small gallery.

        The index in use is searched until the new one is whole. A gallery that could not be prepared is
        prepared again.
        """
        found = self.get_gallery()
        if found.state == Gallery.State.PROVISIONING:
            check_ready(found)
        job = reindex_gallery(gallery=found, trigger="api")
        return Response(JobSerializer(job).data, status=202, headers=job_headers(job))


def _change(
    gallery: Gallery, *, name: str | None = None, settings: dict[str, Any] | None = None
) -> tuple[Gallery, Job | None]:
    """Change the gallery under a lock, so that of two changes at once neither is lost."""
    with transaction.atomic():
        locked = Gallery.objects.select_for_update().get(pk=gallery.pk)
        said = None if settings is None else settle_settings(said=locked.settings, change=settings)
        return change_gallery(gallery=locked, name=name, settings=said, trigger="api")


def _load_shown(gallery: Gallery) -> Gallery:
    return with_indexes(Gallery.objects.filter(pk=gallery.pk)).get()


def _answer_accepted(gallery: Gallery, job: Job) -> Response:
    shown: dict[str, Any] = {**GallerySerializer(_load_shown(gallery)).data, "job": job.id}
    return Response(shown, status=202, headers=job_headers(job))

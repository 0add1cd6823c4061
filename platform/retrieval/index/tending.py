"""Galleries looked after by nobody's request: outgrown fits, lost collections, drift, retired indexes."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from jobs.dispatch import create_job
from jobs.models import Job
from retrieval.galleries import reindex_gallery
from retrieval.index.fitting import is_outgrown
from retrieval.index.generations import (
    drop_retired,
    drop_strays,
    list_droppable,
    list_unfinished,
    retire_unfinished,
)
from retrieval.index.raw_vectors import list_regions
from retrieval.index.reconciling import reconcile_index
from retrieval.index.rows import list_searched
from retrieval.index.store import IndexMissing
from tenants.models import Gallery, VectorIndex

# A gallery that photos still stream into is left to grow.
_QUIET = timedelta(seconds=5)
_STRANDED = timedelta(seconds=30)


def list_untended() -> list[tuple[UUID, UUID]]:
    """(tenant, gallery) of the galleries of all tenants that want looking after now."""
    now = timezone.now()
    grown = Q(changed_at__lt=now - _QUIET) & (Q(tended_at=None) | Q(tended_at__lt=F("changed_at")))
    idle = ~Q(pk__in=_list_jobs().values("gallery"))
    stranded = Q(state=Gallery.State.PROVISIONING, created_at__lt=now - _STRANDED)
    indexes = VectorIndex.across_tenants.all()
    given_up = list_unfinished(indexes.filter(created_at__lt=now - _STRANDED))
    retired = Q(pk__in=list_droppable(indexes).values("gallery"))
    wanting = Gallery.across_tenants.filter(
        retired
        | Q(pk__in=_list_unchecked(indexes).values("gallery"))
        | (idle & (grown | stranded | Q(pk__in=given_up.values("gallery")))),
        deleted_at=None,
    )
    return list(wanting.values_list("tenant_id", "pk"))


def tend_gallery(gallery: Gallery) -> None:
    """Do what the gallery wants; running twice does no harm. Raises `Unavailable`."""
    began = timezone.now()
    drop_retired(gallery)
    if _list_jobs().filter(gallery=gallery).exists():
        return
    if gallery.state == Gallery.State.PROVISIONING:
        _provision_again(gallery)
        return
    retire_unfinished(gallery)
    drop_strays(gallery)
    if gallery.state == Gallery.State.READY:
        _tend_index(gallery)
    Gallery.objects.filter(pk=gallery.pk).update(tended_at=began)


def _tend_index(gallery: Gallery) -> None:
    try:
        for index in _list_unchecked(VectorIndex.objects.filter(gallery=gallery)):
            reconcile_index(index)
    except IndexMissing:
        # Rebuilt beside the lost one: until it is whole, searches answer "away" and never half of it.
        reindex_gallery(gallery=gallery, trigger="reconciler", asked=False, reuse=True)
        return
    if any(_is_outgrown(index) for index in list_searched(gallery)):
        reindex_gallery(gallery=gallery, trigger="growth", asked=False)


def _is_outgrown(index: VectorIndex) -> bool:
    if index.rotation and not index.rotation.fitted_on:
        # Its models emit their codes themselves.
        return False
    photos = len(list_regions(index.gallery_id, index.embedders))
    return is_outgrown(spec=index.spec, sampled=index.sampled, width=index.width, photos=photos)


def _provision_again(gallery: Gallery) -> None:
    create_job(
        tenant_id=gallery.tenant_id, gallery=gallery, kind=Job.Kind.PROVISION_GALLERY, trigger="sweeper"
    )


def _list_jobs() -> QuerySet[Job]:
    return Job.across_tenants.filter(
        kind__in=[Job.Kind.PROVISION_GALLERY, Job.Kind.REINDEX],
        state__in=[Job.State.PENDING, Job.State.RUNNING],
        gallery__isnull=False,
    )


def _list_unchecked(indexes: QuerySet[VectorIndex]) -> QuerySet[VectorIndex]:
    """Searched indexes whose last comparison is old, or wanted again."""
    due = timezone.now() - timedelta(seconds=settings.RECONCILE_EVERY_S)
    return indexes.filter(
        Q(checked_at=None) | Q(checked_at__lt=due),
        generation=F("gallery__generation"),
        gallery__state=Gallery.State.READY,
        retired_at=None,
    )

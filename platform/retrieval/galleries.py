"""A gallery's life with its vectors: opened, provisioned and deleted by jobs that may run twice."""

from uuid import UUID

from django.db import transaction

from jobs.dispatch import INDEX_IMAGES, create_job, dispatch_on_commit
from jobs.errors import Unavailable
from jobs.models import Job
from jobs.progress import report_progress
from retrieval.analysers import embedder_dim
from retrieval.files import delete_file
from retrieval.space import space_of
from retrieval.store import connect_store
from tenants.domain.galleries import create_gallery, hide_gallery
from tenants.domain.gallery_settings import GallerySettings
from tenants.models import Gallery, ReferenceImage

_BATCH = 500


def open_gallery(
    *, tenant_id: UUID, name: str, embedder: str, settings: GallerySettings, trigger: str
) -> tuple[Gallery, Job]:
    """A new gallery and the job that provisions it. Raises `Conflict`, `ModelMissing`."""
    embedder_dim(embedder)
    with transaction.atomic():
        gallery = create_gallery(tenant_id=tenant_id, name=name, embedder=embedder, settings=settings)
        job = create_job(gallery=gallery, kind=Job.Kind.PROVISION_GALLERY, trigger=trigger)
    return gallery, job


def close_gallery(*, gallery: Gallery, trigger: str) -> Job:
    """Take the gallery out of sight at once, and start the job that removes what it holds."""
    with transaction.atomic():
        hide_gallery(gallery=gallery)
        return create_job(gallery=gallery, kind=Job.Kind.DELETE_GALLERY, trigger=trigger)


def provision_gallery(job: Job) -> None:
    """Give the gallery its collection, mark it ready, and set off the photos that came meanwhile.

    A server that is away leaves it `provisioning`, to be tried again; anything else leaves it `failed`.
    """
    gallery = job.gallery
    if gallery is None or gallery.deleted_at:
        return
    try:
        space = space_of(gallery, dim=embedder_dim(gallery.embedder))
        connect_store().ensure_collection(space)
    except Unavailable:
        raise
    except Exception:
        Gallery.objects.filter(pk=gallery.pk).update(state=Gallery.State.FAILED)
        raise
    with transaction.atomic():
        if not Gallery.objects.filter(pk=gallery.pk, deleted_at=None).update(state=Gallery.State.READY):
            # Deleted meanwhile; the job that did so may have looked before there was a collection.
            connect_store().drop_collection(space)
            return
        dispatch_on_commit(INDEX_IMAGES, str(gallery.tenant_id))


def delete_gallery(job: Job) -> None:
    """Remove the gallery's collection, then its files, then its rows. Killed half-way, it starts over."""
    gallery = job.gallery
    if gallery is None:
        return
    connect_store().drop_collection(space_of(gallery, dim=embedder_dim(gallery.embedder)))
    job.total = ReferenceImage.objects.filter(gallery=gallery).count()
    while not _delete_when_empty(gallery):
        batch = list(ReferenceImage.objects.filter(gallery=gallery)[:_BATCH])
        for image in batch:
            delete_file(image.file)
        ReferenceImage.objects.filter(pk__in=[image.pk for image in batch]).delete()
        job.done += len(batch)
        report_progress(job, done=job.done)
    job.gallery = None


def _delete_when_empty(gallery: Gallery) -> bool:
    """Delete the gallery's row once it has no photos. The lock keeps out an upload that began before."""
    with transaction.atomic():
        locked = list(Gallery.objects.select_for_update().filter(pk=gallery.pk))
        if ReferenceImage.objects.filter(gallery=gallery).exists():
            return False
        for row in locked:
            row.delete()
    return True

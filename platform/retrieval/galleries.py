"""A gallery's life with its vectors: opened, provisioned and deleted by jobs that may run twice."""

from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction

from jobs.dispatch import INDEX_IMAGES, create_job, dispatch_on_commit
from jobs.models import Job
from jobs.progress import report_progress
from retrieval.analysers import embedder_dim
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
    """Give the gallery its collection, mark it ready, and set off the photos that came meanwhile."""
    gallery = job.gallery
    if gallery is None or gallery.deleted_at:
        return
    connect_store().ensure_collection(space_of(gallery, dim=embedder_dim(gallery.embedder)))
    with transaction.atomic():
        Gallery.objects.filter(pk=gallery.pk).update(state=Gallery.State.READY)
        dispatch_on_commit(INDEX_IMAGES, str(gallery.tenant_id))


def delete_gallery(job: Job) -> None:
    """Remove the gallery's collection, then its files, then its rows. Killed half-way, it starts over."""
    gallery = job.gallery
    if gallery is None:
        return
    connect_store().drop_collection(space_of(gallery, dim=embedder_dim(gallery.embedder)))
    images = ReferenceImage.objects.filter(gallery=gallery)
    job.total = images.count()
    while batch := list(images[:_BATCH]):
        for image in batch:
            default_storage.delete(image.file)
        images.filter(pk__in=[image.pk for image in batch]).delete()
        job.done += len(batch)
        report_progress(job, done=job.done)
    gallery.delete()
    job.gallery = None

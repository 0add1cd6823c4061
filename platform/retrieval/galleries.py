"""A gallery's life with its vectors: opened, provisioned, changed and deleted by jobs that may run twice."""

from typing import Any
from uuid import UUID

from django.db import transaction

from jobs.dispatch import create_job
from jobs.errors import Unavailable
from jobs.models import Job
from jobs.progress import report_progress
from retrieval.index.generations import Superseded, drop_collections, wanted_settings
from retrieval.index.reindexing import build_index
from retrieval.index.rows import list_written
from retrieval.photos.files import delete_file
from retrieval.quality.exemplars import analyse_again, delete_exemplar_files
from retrieval.settings.gallery import GallerySettings
from tenants.domain.galleries import create_gallery, hide_gallery, update_gallery
from tenants.models import Gallery, ReferenceImage

_BATCH = 500


def open_gallery(
    *, tenant_id: UUID, name: str, settings: dict[str, Any], trigger: str
) -> tuple[Gallery, Job]:
    """A new gallery with checked settings, and the job that provisions it. Raises `Conflict`."""
    with transaction.atomic():
        gallery = create_gallery(tenant_id=tenant_id, name=name, settings=settings)
        job = _create_job(gallery, Job.Kind.PROVISION_GALLERY, trigger)
    return gallery, job


def change_gallery(
    *, gallery: Gallery, name: str | None, settings: dict[str, Any] | None, trigger: str
) -> tuple[Gallery, Job | None]:
    """Change name or (checked) settings; with the job that builds another index, where the change wants one.

    Raises `Conflict` when the name is taken.
    """
    with transaction.atomic():
        looked = _describe_look(gallery)
        changed = update_gallery(gallery=gallery, name=name, settings=settings)
        if _describe_look(changed) != looked:
            analyse_again(changed, trigger=trigger)
        newest = list_written(changed)[-1:]
        if not newest or newest[0].spec == wanted_settings(changed).build_spec():
            return changed, None
        return changed, reindex_gallery(gallery=changed, trigger=trigger, asked=False)


def reindex_gallery(*, gallery: Gallery, trigger: str, asked: bool = True, reuse: bool = False) -> Job:
    """The job that builds the gallery's index anew; one that waits to do the same is answered instead.

    asked: fit projection and codes although the gallery is small. reuse: keep what was fitted.
    """
    given = {"asked": asked, "reuse": reuse}
    waiting = Job.objects.filter(
        gallery=gallery, kind=Job.Kind.REINDEX, state=Job.State.PENDING, input=given
    ).first()
    return waiting or _create_job(gallery, Job.Kind.REINDEX, trigger, given)


def close_gallery(*, gallery: Gallery, trigger: str) -> Job:
    """Take the gallery out of sight at once, and start the job that removes what it holds."""
    with transaction.atomic():
        hide_gallery(gallery=gallery)
        return _create_job(gallery, Job.Kind.DELETE_GALLERY, trigger)


def provision_gallery(job: Job) -> None:
    """Give the gallery its index, mark it ready, and set off the photos that came meanwhile.

    A server that is away leaves it `provisioning`, to be tried again; a change of its settings meanwhile
    leaves it to the job of that change; anything else leaves it `failed`.
    """
    try:
        build_index(job)
    except (Unavailable, Superseded):
        raise
    except Exception:
        if job.gallery:
            Gallery.objects.filter(pk=job.gallery.pk).update(state=Gallery.State.FAILED)
        raise


def delete_gallery(job: Job) -> None:
    """Remove the gallery's collections, then its files, then its rows. Killed half-way, it starts over."""
    gallery = job.gallery
    if gallery is None:
        return
    drop_collections(gallery)
    delete_exemplar_files(gallery)
    job.total = ReferenceImage.objects.filter(gallery=gallery).count()
    while not _delete_when_empty(gallery):
        batch = list(ReferenceImage.objects.filter(gallery=gallery)[:_BATCH])
        for image in batch:
            delete_file(image.file)
        ReferenceImage.objects.filter(pk__in=[image.pk for image in batch]).delete()
        job.done += len(batch)
        report_progress(job, done=job.done)
    job.gallery = None


def _describe_look(gallery: Gallery) -> tuple[bool, int, bool]:
    """What decides on the regions of a query photo."""
    settings = GallerySettings.parse(gallery.settings)
    return settings.detect, settings.max_regions, settings.fallback


def _create_job(gallery: Gallery, kind: Job.Kind, trigger: str, given: dict[str, Any] | None = None) -> Job:
    return create_job(tenant_id=gallery.tenant_id, gallery=gallery, kind=kind, trigger=trigger, given=given)


def _delete_when_empty(gallery: Gallery) -> bool:
    """Delete the gallery's row once it has no photos. The lock keeps out an upload that began before."""
    with transaction.atomic():
        locked = list(Gallery.objects.select_for_update().filter(pk=gallery.pk))
        if ReferenceImage.objects.filter(gallery=gallery).exists():
            return False
        for row in locked:
            row.delete()
    return True

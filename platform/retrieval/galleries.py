"""A gallery's life with its vectors: opened, provisioned, changed and deleted by jobs that may run twice."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from jobs.cancelling import end_jobs
from jobs.dispatch import create_job
from jobs.errors import JobCancelled, NotDone, Unavailable
from jobs.lookup import list_held
from jobs.models import Job, JobItem
from jobs.progress import report_progress
from retrieval.index.generations import Superseded, drop_collections, wanted_settings
from retrieval.index.reindexing import build_index
from retrieval.index.rows import list_written
from retrieval.photos.files import delete_file, delete_folder
from retrieval.quality.exemplars import analyse_again, delete_exemplar_files
from retrieval.query_retention import delete_query_photos, has_query_photos
from retrieval.settings.gallery import GallerySettings
from tenants.domain.galleries import create_gallery, hide_gallery, update_gallery
from tenants.models import Gallery, ReferenceImage

_BATCH = 500
_LOOK_AGAIN_S = 2


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
    """Take the gallery out of sight and end its jobs at once; start the one that removes what it holds."""
    with transaction.atomic():
        # Jobs before the gallery, as a job that goes over to a new index locks them.
        end_jobs(Job.objects.filter(gallery=gallery).exclude(kind=Job.Kind.DELETE_GALLERY))
        hide_gallery(gallery=gallery)
        return _create_job(gallery, Job.Kind.DELETE_GALLERY, trigger)


def provision_gallery(job: Job) -> None:
    """Give the gallery its index, mark it ready, and set off the photos that came meanwhile.

    A server that is away leaves it `provisioning`, to be tried again; a change of its settings meanwhile
    leaves it to the job of that change, and a job that was ended meanwhile to whoever ended it; anything else
    leaves it `failed`.
    """
    try:
        build_index(job)
    except (Unavailable, OperationalError, InterfaceError, Superseded, JobCancelled):
        raise
    except Exception:
        if job.gallery:
            Gallery.objects.filter(pk=job.gallery.pk).update(state=Gallery.State.FAILED)
        raise


def delete_gallery(job: Job) -> None:
    """Remove all that the gallery holds, in slices. Killed anywhere, the next run goes on."""
    gallery = job.gallery
    if gallery is None:
        return
    wait_for_workers(Job.objects.filter(gallery=gallery), ReferenceImage.objects.filter(gallery=gallery))
    job.total = job.done + ReferenceImage.objects.filter(gallery=gallery).count()
    remove_gallery(gallery, tell=count_in_slices(job))
    job.gallery = None


def wait_for_workers(jobs: QuerySet[Job], images: QuerySet[ReferenceImage]) -> None:
    """Raise `NotDone` while a worker is still at one of them; none takes up any more of what is hidden."""
    if list_held(jobs).exists() or images.filter(leased_until__gt=timezone.now()).exists():
        raise NotDone(after_s=_LOOK_AGAIN_S)


def count_in_slices(job: Job) -> Callable[[int], None]:
    """Say with it how many more are done; it raises `NotDone` once the job's slice of time is up."""
    deadline = time.monotonic() + settings.INDEX_SLICE_S

    def tell(more: int) -> None:
        report_progress(job, done=job.done + more)
        if time.monotonic() > deadline:
            raise NotDone

    return tell


def remove_gallery(gallery: Gallery, *, tell: Callable[[int], None]) -> None:
    """Remove the gallery's collections, its files, then its rows; `tell` is given numbers of photos.

    Jobs stay, without their items and the gallery: they tell what was done. Raises `Unavailable`.
    """
    drop_collections(gallery)
    delete_exemplar_files(gallery)
    _delete_items(gallery)
    gone = False
    while not gone:
        _remove_photos(gallery, tell)
        delete_query_photos(gallery)
        # Files whose rows never came to be, such as a killed worker's, while the job still knows of them.
        delete_folder(f"{gallery.tenant_id}/{gallery.pk}")
        gone = _delete_when_empty(gallery)


def _describe_look(gallery: Gallery) -> tuple[bool, int, bool]:
    """What decides on the regions of a query photo."""
    settings = GallerySettings.parse(gallery.settings)
    return settings.detect, settings.max_regions, settings.fallback


def _create_job(gallery: Gallery, kind: Job.Kind, trigger: str, given: dict[str, Any] | None = None) -> Job:
    return create_job(tenant_id=gallery.tenant_id, gallery=gallery, kind=kind, trigger=trigger, given=given)


def _remove_photos(gallery: Gallery, tell: Callable[[int], None]) -> None:
    while batch := list(ReferenceImage.objects.filter(gallery=gallery)[:_BATCH]):
        for image in batch:
            delete_file(image.file)
        ReferenceImage.objects.filter(pk__in=[image.pk for image in batch]).delete()
        tell(len(batch))


def _delete_when_empty(gallery: Gallery) -> bool:
    """Delete the gallery's row once it has no photos. The lock keeps out an upload that began before."""
    with transaction.atomic():
        locked = list(Gallery.objects.select_for_update().filter(pk=gallery.pk))
        if ReferenceImage.objects.filter(gallery=gallery).exists() or has_query_photos(gallery):
            return False
        _delete_items(gallery)
        for row in locked:
            row.delete()
    return True


def _delete_items(gallery: Gallery) -> None:
    JobItem.objects.filter(job__gallery=gallery).delete()

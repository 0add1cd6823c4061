"""The third phase of an import: photos out of the source into the gallery's queue, a batch at a time.

Reading a photo that strangers made can kill the process. So a row is marked before its photo is read, a row
that was marked before is read alone, and after `MAX_ATTEMPTS` it ends as failed.
"""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest

from jobs.errors import Unavailable
from jobs.items import end_items, items_of
from jobs.models import Job, JobItem
from tenants.errors import StorageAway
from tenants.models import Gallery
from transfer.errors import RowRefused
from transfer.imports.leftovers import remove_leftovers
from transfer.imports.reading import ReadPhoto, UnreadPhoto, read_photos
from transfer.imports.storing import store_photos
from transfer.sources.source import Source

MAX_ATTEMPTS = 3


def feed_batch(job: Job, gallery: Gallery, source: Source) -> bool:
    """Read and store the photos of the next rows; False when there are none left.

    Raises `Unavailable`; the rows then wait to be tried again, and are not to blame.
    """
    items = _take_items(job)
    if not items:
        return False
    if items[0].attempts >= MAX_ATTEMPTS:
        _refuse_item(gallery, items[0], _give_up())
        return True
    _mark(items)
    photos = _read_usable(gallery, source, items)
    try:
        store_photos(gallery, photos)
    except StorageAway as away:
        # Some of the files may be there; so the mark must stay, however often this happens.
        _unmark(items, least=1)
        raise Unavailable(away.message, code=away.code, retry_after=5) from away
    return True


def _take_items(job: Job) -> list[JobItem]:
    pending = items_of(job.pk, JobItem.State.PENDING)
    fresh = list(pending.filter(attempts=0)[: settings.INDEX_BATCH])
    return fresh or list(pending.order_by("attempts", "pk")[:1])


def _mark(items: Iterable[JobItem]) -> None:
    _pending(items).update(attempts=F("attempts") + 1)


def _unmark(items: Iterable[JobItem], *, least: int) -> None:
    _pending(items).update(attempts=Greatest(F("attempts") - 1, least))


def _pending(items: Iterable[JobItem]) -> QuerySet[JobItem]:
    return JobItem.objects.filter(pk__in=[item.pk for item in items], state=JobItem.State.PENDING)


def _read_usable(gallery: Gallery, source: Source, items: Sequence[JobItem]) -> list[ReadPhoto]:
    """The photos that can be used; the rows of the others are ended."""
    try:
        photos = read_photos(source, items)
    except Unavailable:
        _unmark(items, least=items[0].attempts)
        raise
    for photo in photos:
        if isinstance(photo, UnreadPhoto):
            _refuse_item(gallery, photo.item, photo.reason)
    return [photo for photo in photos if isinstance(photo, ReadPhoto)]


def _refuse_item(gallery: Gallery, item: JobItem, refused: RowRefused) -> None:
    """End the row as failed, with what an earlier attempt may have left. Raises `Unavailable`."""
    with transaction.atomic():
        ended = end_items(JobItem.objects.filter(pk=item.pk), code=refused.code, message=refused.message)
        if ended and item.attempts:
            remove_leftovers(gallery, [item])


def _give_up() -> RowRefused:
    return RowRefused(
        "The photo could not be read: each attempt was cut short. Try another photo.", code="gave_up"
    )

"""Reference photos from `pending` to `indexed`. A task that runs twice writes the same rows."""

import time
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from jobs.errors import Unavailable
from jobs.heartbeat import keep_renewing
from jobs.precedence import Courtesy
from retrieval.index.embedding import embed_unseen
from retrieval.index.rows import list_embedders, list_written, space_of
from retrieval.index.store import connect_store
from retrieval.index.writing import write_regions
from retrieval.photos.analysing import analyse_photos
from retrieval.photos.decoding import LeasedPhoto, begin_decoding
from retrieval.photos.leases import (
    RENEW_EVERY_S,
    end_as_indexed,
    lease_images,
    list_free,
    release_images,
    renew_leases,
)
from tenants.models import Gallery, ReferenceImage, Region, VectorIndex


def index_pending(*, budget_s: float) -> bool:
    """Index pending photos of the tenant that is set, batch by batch, for about `budget_s` seconds.

    The next batch is decoded while this one is in the models. True when the time was up before the
    photos were. Raises `Unavailable` when a server is away; the photos then stay pending.
    """
    deadline = time.monotonic() + budget_s
    courtesy = Courtesy()
    batch = _lease_batch()
    while batch:
        following = _lease_batch() if time.monotonic() < deadline else []
        held = [photo.image for photo in (*batch, *following)]
        try:
            with keep_renewing(partial(renew_leases, held), every_s=RENEW_EVERY_S):
                _index_batch(batch, courtesy)
        except BaseException as error:
            release_images([p.image for p in batch], blameless=isinstance(error, Unavailable))
            release_images([p.image for p in following], blameless=True)
            raise
        batch = following
    return list_free().exists()


def _lease_batch() -> list[LeasedPhoto]:
    return begin_decoding(lease_images(settings.INDEX_BATCH))


def _index_batch(batch: Sequence[LeasedPhoto], courtesy: Courtesy) -> None:
    by_gallery: dict[UUID, list[LeasedPhoto]] = {}
    for photo in batch:
        by_gallery.setdefault(photo.image.gallery_id, []).append(photo)
    for photos in by_gallery.values():
        gallery = photos[0].image.gallery
        embedders = list_embedders(list_written(gallery))
        analyse_photos(gallery, photos, embedders=embedders, courtesy=courtesy)
        _publish_images(gallery, [photo.image for photo in photos])


def _publish_images(gallery: Gallery, images: Sequence[ReferenceImage]) -> None:
    """Write the stored vectors to every index of the gallery, and only then say `indexed`.

    An index that begins to be filled meanwhile is written, too, before the photos are marked: whoever fills
    it sees all that were marked before it began, and nobody has to see the others.
    """
    regions = dict(Region.objects.filter(image__in=images).values_list("pk", "image_id"))
    if not regions:
        return
    written: set[UUID] = set()
    written_at = 0
    marked = False
    while not marked:
        targets = [index for index in list_written(gallery) if index.pk not in written]
        written_at = max(written_at, _write_to(gallery, targets, images, sorted(regions)))
        written |= {index.pk for index in targets}
        marked = _mark_indexed(gallery, images, set(regions.values()), written, written_at)
    # Deleted while they were in the models: nobody else knows that their vectors came after all. One that
    # another worker has indexed meanwhile is alive, and keeps them.
    keys = [image.pk for image in images]
    alive = set(ReferenceImage.objects.filter(pk__in=keys, deleted_at=None).values_list("pk", flat=True))
    gone = [region_id for region_id, image_id in regions.items() if image_id not in alive]
    for index in VectorIndex.objects.filter(pk__in=written):
        connect_store().delete(space_of(index), gone)


def _write_to(
    gallery: Gallery,
    targets: Sequence[VectorIndex],
    images: Sequence[ReferenceImage],
    regions: Sequence[int],
) -> int:
    embed_unseen(images, list_embedders(targets))
    return max((write_regions(gallery, index, regions) for index in targets), default=0)


def _mark_indexed(
    gallery: Gallery,
    images: Sequence[ReferenceImage],
    with_vectors: set[UUID],
    written: set[UUID],
    written_at: int,
) -> bool:
    """Mark the photos, unless there is an index by now that they were not written to.

    Of a gallery that is gone with its rows nothing is left to be marked.
    """
    with transaction.atomic():
        if Gallery.objects.select_for_update().filter(pk=gallery.pk).first() is None:
            return True
        if any(index.pk not in written for index in list_written(gallery)):
            return False
        newest = Greatest(F("index_timestamp"), written_at)
        Gallery.objects.filter(pk=gallery.pk).update(index_timestamp=newest, changed_at=timezone.now())
        for image in images:
            if image.pk in with_vectors:
                end_as_indexed(image)
    return True

"""Reference photos from `pending` to `indexed`. A task that runs twice writes the same rows."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from inference.analysis import Analysis, AnalysisOptions
from inference.errors import ImageRejected
from inference.images import Picture, decode_picture
from jobs.errors import Unavailable
from jobs.heartbeat import keep_renewing
from retrieval.analysers import get_analyser
from retrieval.index.embedding import embed_unseen
from retrieval.index.rows import list_embedders, list_written, space_of
from retrieval.index.store import connect_store
from retrieval.index.writing import write_regions
from retrieval.photos.files import read_file
from retrieval.photos.leases import (
    RENEW_EVERY_S,
    end_as_failed,
    end_as_indexed,
    lease_images,
    list_free,
    release_images,
    renew_leases,
)
from retrieval.settings.gallery import GallerySettings
from tenants.models import Embedding, Gallery, ReferenceImage, Region, VectorIndex

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeasedPhoto:
    """A photo held by this worker, and its decoding under way."""

    image: ReferenceImage
    picture: "Future[Picture]"


def index_pending(*, budget_s: float) -> bool:
    """Index pending photos of the tenant that is set, batch by batch, for about `budget_s` seconds.

    The next batch is decoded while this one is in the models. True when the time was up before the
    photos were. Raises `Unavailable` when a server is away; the photos then stay pending.
    """
    deadline = time.monotonic() + budget_s
    batch = _lease_batch()
    while batch:
        following = _lease_batch() if time.monotonic() < deadline else []
        held = [photo.image for photo in (*batch, *following)]
        try:
            with keep_renewing(partial(renew_leases, held), every_s=RENEW_EVERY_S):
                _index_batch(batch)
        except BaseException as error:
            release_images([p.image for p in batch], blameless=isinstance(error, Unavailable))
            release_images([p.image for p in following], blameless=True)
            raise
        batch = following
    return list_free().exists()


@cache
def _decoders() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="decode")


def _lease_batch() -> list[LeasedPhoto]:
    images = lease_images(settings.INDEX_BATCH)
    return [LeasedPhoto(image, _decoders().submit(_decode_stored, image.file)) for image in images]


def _decode_stored(file: str) -> Picture:
    return decode_picture(read_file(file))


def _index_batch(batch: Sequence[LeasedPhoto]) -> None:
    by_gallery: dict[UUID, list[LeasedPhoto]] = {}
    for photo in batch:
        by_gallery.setdefault(photo.image.gallery_id, []).append(photo)
    for photos in by_gallery.values():
        gallery = photos[0].image.gallery
        _analyse_photos(gallery, photos, list_embedders(list_written(gallery)))
        _publish_images(gallery, [photo.image for photo in photos])


def _analyse_photos(gallery: Gallery, photos: Sequence[LeasedPhoto], embedders: Sequence[str]) -> None:
    """Store regions and vectors of the photos that have none yet (an interrupted run may have left some)."""
    known = set(Region.objects.filter(image__in=[p.image for p in photos]).values_list("image_id", flat=True))
    fresh = [photo for photo in photos if photo.image.pk not in known]
    readable = [(photo.image, picture) for photo in fresh if (picture := _read_picture(photo)) is not None]
    if not readable:
        return
    # A reference photo shows one product: its best body, averaged with the whole (figures in docs/models.md).
    options = AnalysisOptions(detect=GallerySettings.parse(gallery.settings).detect, max_regions=1)
    analyses = get_analyser(embedders).analyse([picture for _, picture in readable], options)
    with transaction.atomic():
        for (image, picture), analysis in zip(readable, analyses, strict=True):
            _save_analysis(gallery, image, picture, analysis)


def _read_picture(photo: LeasedPhoto) -> Picture | None:
    try:
        return photo.picture.result()
    except ImageRejected as rejected:
        end_as_failed(photo.image, code=rejected.code, message=rejected.message)
    except FileNotFoundError:
        _log.exception("the file of image %s is lost", photo.image.pk)
        end_as_failed(
            photo.image, code="file_lost", message="The stored file is missing. Upload the photo again."
        )
    return None


def _save_analysis(gallery: Gallery, image: ReferenceImage, picture: Picture, analysis: Analysis) -> None:
    """Write the photo's regions and raw vectors, unless it was deleted or another worker was faster."""
    locked = ReferenceImage.objects.select_for_update().filter(pk=image.pk, deleted_at=None)
    if not locked.exists() or Region.objects.filter(image=image).exists():
        return
    locked.update(width=picture.width, height=picture.height)
    regions = Region.objects.bulk_create(
        Region(
            tenant_id=gallery.tenant_id,
            image=image,
            **dict(zip(("x1", "y1", "x2", "y2"), region.box.as_tuple(), strict=True)),
            score=region.score,
            source=region.source,
        )
        for region in analysis.regions
    )
    Embedding.objects.bulk_create(
        Embedding(tenant_id=gallery.tenant_id, region=stored, model=model, vector=Embedding.pack(vector))
        for stored, region in zip(regions, analysis.regions, strict=True)
        for model, vector in region.vectors.items()
    )


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
    """Mark the photos, unless there is an index by now that they were not written to."""
    with transaction.atomic():
        Gallery.objects.select_for_update().get(pk=gallery.pk)
        if any(index.pk not in written for index in list_written(gallery)):
            return False
        newest = Greatest(F("index_timestamp"), written_at)
        Gallery.objects.filter(pk=gallery.pk).update(index_timestamp=newest, changed_at=timezone.now())
        for image in images:
            if image.pk in with_vectors:
                end_as_indexed(image)
    return True

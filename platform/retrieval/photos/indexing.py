"""Reference photos from `pending` to `indexed`. A task that runs twice writes the same rows.

While a batch is in the models, the one before it is written to the database and the index, and the one after
it decoded: the models, which take most of the time, wait for nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from jobs.precedence import Courtesy
from jobs.turn import Turn
from retrieval.index.rows import list_embedders, list_written
from retrieval.photos.analysing import SeenPhoto, begin_analysing, store_regions
from retrieval.photos.decoding import LeasedPhoto, begin_decoding
from retrieval.photos.holding import Hold
from retrieval.photos.leases import list_free
from retrieval.photos.publishing import publish_images
from tenants.models import Gallery, ReferenceImage


@dataclass(frozen=True)
class _Batch:
    """Photos of one gallery, and those of them that are in the models."""

    gallery: Gallery
    images: Sequence[ReferenceImage]
    seen: Sequence[SeenPhoto]


def index_pending(turn: Turn) -> bool:
    """Index pending photos of the tenant that is set, batch by batch, one at least.

    True when the turn was over before the photos were. Raises `Unavailable` when a server is away; the photos
    then stay pending.
    """
    courtesy = Courtesy()
    with Hold() as hold:
        decoding = _begin_batch(hold)
        analysing: list[_Batch] = []
        while decoding or analysing:
            in_models = _analyse(hold, decoding, courtesy)
            _publish(hold, analysing)
            decoding = [] if turn.is_over else _begin_batch(hold)
            analysing = in_models
    return list_free().exists()


def _begin_batch(hold: Hold) -> list[LeasedPhoto]:
    return begin_decoding(hold.lease(settings.INDEX_BATCH))


def _analyse(hold: Hold, photos: Sequence[LeasedPhoto], courtesy: Courtesy) -> list[_Batch]:
    by_gallery: dict[UUID, list[LeasedPhoto]] = {}
    for photo in photos:
        by_gallery.setdefault(photo.image.gallery_id, []).append(photo)
    return [_analyse_gallery(hold, group, courtesy) for group in by_gallery.values()]


def _analyse_gallery(hold: Hold, photos: Sequence[LeasedPhoto], courtesy: Courtesy) -> _Batch:
    gallery = photos[0].image.gallery
    images = [photo.image for photo in photos]
    with hold.blaming(images):
        embedders = list_embedders(list_written(gallery))
        return _Batch(gallery, images, begin_analysing(gallery, photos, embedders, courtesy))


def _publish(hold: Hold, batches: Sequence[_Batch]) -> None:
    for batch in batches:
        with hold.blaming(batch.images):
            store_regions(batch.gallery, batch.seen)
            publish_images(batch.gallery, batch.images)
        hold.end(batch.images)

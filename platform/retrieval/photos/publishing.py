"""Photos whose regions are stored, into every index of their gallery, and only then `indexed`."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from retrieval.index.embedding import embed_unseen
from retrieval.index.rows import list_embedders, list_written, space_of
from retrieval.index.store import connect_store
from retrieval.index.writing import write_regions
from retrieval.photos.leases import end_as_indexed
from tenants.models import Gallery, ReferenceImage, Region, VectorIndex


def publish_images(gallery: Gallery, images: Sequence[ReferenceImage]) -> None:
    """Write the stored vectors of the photos, those that have any, and mark them. Raises `Unavailable`.

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
        end_as_indexed([image for image in images if image.pk in with_vectors])
    return True

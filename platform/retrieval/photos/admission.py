"""Whether a decoded photo goes on to the models: one that its product has already, as good as, does not.

Only photos of an import that asks for it are kept out; whoever uploads a photo by itself means it. The dHash
of every photo is stored, so that later ones are compared with it.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from jobs.dispatch import PURGE_IMAGES, dispatch_on_commit
from jobs.models import Job, JobItem
from retrieval.photos.decoding import DecodedPhoto
from retrieval.photos.duplicates import NearDuplicate, find_near
from tenants.domain.images import delete_image
from tenants.models import Gallery, ReferenceImage

MOST_CONFLICTS = 10


def admit_photos(gallery: Gallery, photos: Sequence[DecodedPhoto]) -> list[DecodedPhoto]:
    """Store the photos' dHashes, and end those that are near duplicates; the others, in the same order.

    The gallery is locked meanwhile: of photos that are near duplicates of each other, in whichever workers'
    hands, each sees those that were admitted before it, and one remains. A photo is looked at once: after a
    killed worker or a failed attempt the first look stands.
    """
    keys = [photo.image.pk for photo in photos]
    with transaction.atomic():
        Gallery.objects.select_for_update(no_key=True).get(pk=gallery.pk)
        items = _find_items(keys)
        kept_out = [_look_at(photo, items.get(photo.image.pk)) for photo in photos]
        if any(kept_out):
            dispatch_on_commit(PURGE_IMAGES, str(gallery.tenant_id))
    alive = set(ReferenceImage.objects.filter(pk__in=keys, deleted_at=None).values_list("pk", flat=True))
    return [photo for photo in photos if photo.image.pk in alive]


def _find_items(images: Sequence[UUID]) -> dict[UUID, JobItem]:
    """The row of an import that waits for each photo, where the import asks about near duplicates."""
    waiting = JobItem.objects.filter(image__in=images, state=JobItem.State.STORED, job__kind=Job.Kind.IMPORT)
    return {
        item.image_id: item
        for item in waiting.select_related("job")
        if item.image_id and item.job.input.get("near_duplicates") is not None
    }


def _look_at(photo: DecodedPhoto, item: JobItem | None) -> bool:
    """Store the photo's dHash; whether the photo was kept out for it."""
    unseen = ReferenceImage.objects.filter(pk=photo.image.pk, dhash=None, deleted_at=None)
    if not unseen.update(dhash=photo.dhash) or item is None:
        return False
    near = find_near(photo.image, dhash=photo.dhash, distance=item.job.input["near_duplicates"])
    if not near:
        return False
    if near[0].product_id == photo.image.product_id:
        return _keep_out(photo, item, near[0])
    # The same file in another product is known already, and may have no dHash yet.
    conflicts = list(dict.fromkeys([*item.conflicts, *(other.image_id for other in near)]))
    waiting = JobItem.objects.filter(pk=item.pk, state=JobItem.State.STORED)
    waiting.update(conflicts=conflicts[:MOST_CONFLICTS])
    return False


def _keep_out(photo: DecodedPhoto, item: JobItem, known: NearDuplicate) -> bool:
    """Delete the photo and end its row; one whose row was ended meanwhile stays."""
    ended = JobItem.objects.filter(pk=item.pk, state=JobItem.State.STORED).update(
        state=JobItem.State.DUPLICATE,
        code="near_duplicate",
        message=f"The product has a photo that differs in {known.distance} of 64 bits of its dHash only.",
        duplicate_of=known.image_id,
        ended_at=timezone.now(),
    )
    if ended:
        delete_image(image=photo.image)
    return bool(ended)

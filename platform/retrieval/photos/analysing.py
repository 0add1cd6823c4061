"""Photos in the models: their regions and vectors, found and stored."""

import math
from collections.abc import Sequence

from django.db import transaction

from inference.analysis import AnalysisOptions, EmbeddedRegion
from inference.boxes import Box
from inference.images import Picture
from jobs.precedence import Courtesy
from retrieval.analysers import get_analyser
from retrieval.photos.admission import admit_photos
from retrieval.photos.decoding import DecodedPhoto, LeasedPhoto, await_decoded
from retrieval.photos.leases import end_as_failed
from retrieval.settings.gallery import GallerySettings
from tenants.models import Embedding, Gallery, ReferenceImage, Region


def analyse_photos(
    gallery: Gallery, photos: Sequence[LeasedPhoto], *, embedders: Sequence[str], courtesy: Courtesy
) -> None:
    """Store regions and vectors of the photos that have none yet (an interrupted run may have left some).

    A photo that cannot be used ends as failed; a near duplicate, as retrieval.photos.admission says.
    courtesy: lets calls go before each photo. Raises `Unavailable`, `ModelMissing`.
    """
    known = set(Region.objects.filter(image__in=[p.image for p in photos]).values_list("image_id", flat=True))
    fresh = await_decoded([photo for photo in photos if photo.image.pk not in known])
    usable = [photo for photo in fresh if _check_box(photo)]
    if not usable:
        return
    seen = []
    for photo in admit_photos(gallery, usable):
        courtesy.give_way()
        seen.append((photo, _find_regions(gallery, photo, embedders)))
    with transaction.atomic():
        for photo, regions in seen:
            _save_regions(gallery, photo.image, photo.picture, regions)


def _check_box(photo: DecodedPhoto) -> bool:
    """End a photo as failed whose owner's box holds nothing of it."""
    if photo.image.given_box is None or _place_box(photo.image.given_box, photo.picture):
        return True
    picture = photo.picture
    said = ", ".join(f"{side:g}" for side in photo.image.given_box)
    end_as_failed(
        photo.image,
        code="box_outside",
        message=f"The box {said} holds nothing of the photo, which is {picture.width} x {picture.height}"
        " pixels when upright. Give x1, y1, x2, y2 in its pixels, x1 < x2 and y1 < y2, or no box.",
    )
    return False


def _place_box(given: Sequence[float], picture: Picture) -> Box | None:
    """The part of the box that lies in the photo; None where there is none."""
    if not all(math.isfinite(side) for side in given):
        return None
    box = Box(*given).clamp(picture.width, picture.height)
    return box if box.area > 0 else None


def _find_regions(
    gallery: Gallery, photo: DecodedPhoto, embedders: Sequence[str]
) -> Sequence[EmbeddedRegion]:
    analyser = get_analyser(embedders)
    given = photo.image.given_box
    box = _place_box(given, photo.picture) if given else None
    if box:
        return [EmbeddedRegion(box, "given", 1.0, analyser.embed_body(photo.picture, box))]
    # A reference photo shows one product: its best body, averaged with the whole (figures in docs/models.md).
    options = AnalysisOptions(detect=GallerySettings.parse(gallery.settings).detect, max_regions=1)
    (analysis,) = analyser.analyse([photo.picture], options)
    return analysis.regions


def _save_regions(
    gallery: Gallery, image: ReferenceImage, picture: Picture, regions: Sequence[EmbeddedRegion]
) -> None:
    """Write the photo's regions and raw vectors, unless it was deleted or another worker was faster."""
    locked = ReferenceImage.objects.select_for_update().filter(pk=image.pk, deleted_at=None)
    if not locked.exists() or Region.objects.filter(image=image).exists():
        return
    locked.update(width=picture.width, height=picture.height)
    rows = Region.objects.bulk_create(
        Region(
            tenant_id=gallery.tenant_id,
            image=image,
            **dict(zip(("x1", "y1", "x2", "y2"), region.box.as_tuple(), strict=True)),
            score=region.score,
            source=region.source,
        )
        for region in regions
    )
    Embedding.objects.bulk_create(
        Embedding(tenant_id=gallery.tenant_id, region=row, model=model, vector=Embedding.pack(vector))
        for row, region in zip(rows, regions, strict=True)
        for model, vector in region.vectors.items()
    )

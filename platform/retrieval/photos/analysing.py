"""Photos in the models: their regions and vectors, found and stored."""

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache

from django.db import transaction

from inference.analysis import Analyser, AnalysisOptions, EmbeddedRegion
from inference.boxes import Box
from inference.images import Picture
from jobs.precedence import Courtesy
from retrieval.analysers import count_streams, get_analyser
from retrieval.photos.admission import admit_photos
from retrieval.photos.decoding import DecodedPhoto, LeasedPhoto, await_decoded
from retrieval.photos.leases import end_as_failed
from retrieval.settings.gallery import GallerySettings
from tenants.models import Embedding, Gallery, ReferenceImage, Region


@dataclass(frozen=True)
class SeenPhoto:
    """A photo on its way through the models. `width`, `height`: of the upright original, in pixels."""

    image: ReferenceImage
    width: int
    height: int
    regions: "Future[Sequence[EmbeddedRegion]]"


def begin_analysing(
    gallery: Gallery, photos: Sequence[LeasedPhoto], embedders: Sequence[str], courtesy: Courtesy
) -> list[SeenPhoto]:
    """Have regions and vectors found of the photos that have none yet; an interrupted run may have left some.

    A photo that cannot be used ends as failed; a near duplicate, as retrieval.photos.admission says.
    courtesy: lets calls go before each photo. Raises `Unavailable`, `ModelMissing`.
    """
    known = set(Region.objects.filter(image__in=[p.image for p in photos]).values_list("image_id", flat=True))
    fresh = await_decoded([photo for photo in photos if photo.image.pk not in known])
    usable = [photo for photo in fresh if _check_box(photo)]
    if not usable:
        return []
    analyser = get_analyser(embedders)
    # A reference photo shows one product: its best body, averaged with the whole (figures in docs/models.md).
    options = AnalysisOptions(detect=GallerySettings.parse(gallery.settings).detect, max_regions=1)
    return [_begin_one(analyser, photo, options, courtesy) for photo in admit_photos(gallery, usable)]


def store_regions(gallery: Gallery, photos: Sequence[SeenPhoto]) -> None:
    """Await the models, and write what they found. Raises what they raised; then nothing is written."""
    found = {photo.image.pk: photo.regions.result() for photo in photos}
    with transaction.atomic():
        lacking = _lock_lacking(photos)
        ReferenceImage.objects.bulk_update(lacking, ("width", "height"))
        _save_regions(gallery, [(image, region) for image in lacking for region in found[image.pk]])


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


def _begin_one(
    analyser: Analyser, photo: DecodedPhoto, options: AnalysisOptions, courtesy: Courtesy
) -> SeenPhoto:
    found = _models().submit(
        copy_context().run, _find_regions, analyser, photo.picture, photo.image.given_box, options, courtesy
    )
    return SeenPhoto(photo.image, photo.picture.width, photo.picture.height, found)


@cache
def _models() -> ThreadPoolExecutor:
    """One thread more than the models take photos at once: it prepares the next."""
    return ThreadPoolExecutor(max_workers=count_streams() + 1, thread_name_prefix="models")


def _find_regions(
    analyser: Analyser,
    picture: Picture,
    given: Sequence[float] | None,
    options: AnalysisOptions,
    courtesy: Courtesy,
) -> Sequence[EmbeddedRegion]:
    courtesy.give_way()
    box = _place_box(given, picture) if given else None
    if box:
        return [EmbeddedRegion(box, "given", 1.0, analyser.embed_body(picture, box))]
    (analysis,) = analyser.analyse([picture], options)
    return analysis.regions


def _lock_lacking(photos: Sequence[SeenPhoto]) -> list[ReferenceImage]:
    """Those of the photos, with their size, that nobody deleted or was faster with meanwhile."""
    keys = [photo.image.pk for photo in photos]
    alive = ReferenceImage.objects.filter(pk__in=keys, deleted_at=None).order_by("pk").select_for_update()
    locked = set(alive.values_list("pk", flat=True))
    locked -= set(Region.objects.filter(image__in=keys).values_list("image_id", flat=True))
    lacking = [photo for photo in photos if photo.image.pk in locked]
    for photo in lacking:
        photo.image.width, photo.image.height = photo.width, photo.height
    return [photo.image for photo in lacking]


def _save_regions(gallery: Gallery, found: Sequence[tuple[ReferenceImage, EmbeddedRegion]]) -> None:
    rows = Region.objects.bulk_create(
        Region(
            tenant_id=gallery.tenant_id,
            image=image,
            **dict(zip(("x1", "y1", "x2", "y2"), region.box.as_tuple(), strict=True)),
            score=region.score,
            source=region.source,
        )
        for image, region in found
    )
    Embedding.objects.bulk_create(
        Embedding(tenant_id=gallery.tenant_id, region=row, model=model, vector=Embedding.pack(vector))
        for row, (_, region) in zip(rows, found, strict=True)
        for model, vector in region.vectors.items()
    )

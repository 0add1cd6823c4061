"""Near duplicates of a photo in its gallery, looked up by index: docs/adr/0014.

Multi-index hashing (Norouzi, Punjani, Fleet: Fast Search in Hamming Space with Multi-Index Hashing, CVPR
2012): of hashes that differ in at most 3 bits one of the four bands is the same, of those that differ in at
most 7 one band differs in at most 1 bit. Each band has an index, so PostgreSQL looks up 1 or 17 values in
each of the four, and counts the bits of the few photos that it finds.
"""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Case, F, Func, IntegerField, Q, QuerySet, Value, When

from inference.dhash import BANDS, BITS, split_bands
from tenants.models import ReferenceImage

MAX_DISTANCE = 7
_BAND_BITS = BITS // BANDS


class DHashDistance(Func):
    """In how many bits a stored dHash differs from a given one."""

    output_field = IntegerField()
    template = "bit_count((%(expressions)s)::bit(64))"
    arg_joiner = " # "

    def __init__(self, dhash: F, given: int) -> None:
        super().__init__(dhash, Value(given))


@dataclass(frozen=True)
class NearDuplicate:
    """A photo of the gallery that looks the same: `distance` of 64 bits differ."""

    image_id: UUID
    product_id: UUID
    distance: int


def find_near(
    image: ReferenceImage, *, dhash: int, distance: int, limit: int = 10
) -> tuple[NearDuplicate, ...]:
    """Other photos of the image's gallery whose dHash differs in at most `distance` bits, 0 to 7.

    dhash: the image's (inference.dhash). Those of the image's own product come first, then nearest first, in
    all at most `limit`. Photos that are deleted or have failed do not count. Raises ValueError for another
    distance.
    """
    near = list_near(image.gallery_id, dhash=dhash, distance=distance).exclude(pk=image.pk)
    foreign = Case(When(product=image.product_id, then=0), default=1, output_field=IntegerField())
    rows = near.order_by(foreign, "distance", "pk").values_list("pk", "product_id", "distance")
    return tuple(NearDuplicate(*row) for row in rows[:limit])


def list_near(gallery_id: UUID, *, dhash: int, distance: int) -> QuerySet[Any]:
    """The gallery's photos within the distance, annotated with their `distance`. Raises as `find_near`."""
    if not 0 <= distance <= MAX_DISTANCE:
        raise ValueError(f"The distance must be 0 to {MAX_DISTANCE}, not {distance}.")
    # The pigeonhole principle: within the distance some band differs in no more bits than this.
    flips = distance // BANDS
    near_bands = (
        Q(**{f"dhash_band_{number}__in": list_neighbours(value, flips=flips)})
        for number, value in enumerate(split_bands(dhash))
    )
    return (
        ReferenceImage.objects.filter(reduce(or_, near_bands), gallery=gallery_id, deleted_at=None)
        .exclude(state=ReferenceImage.State.FAILED)
        .annotate(distance=DHashDistance(F("dhash"), dhash))
        .filter(distance__lte=distance)
    )


def list_neighbours(band: int, *, flips: int) -> list[int]:
    """The band's values that differ from it in at most `flips` bits, 0 or 1: 1 or 17 of them."""
    return [band, *(band ^ (1 << bit) for bit in range(_BAND_BITS * flips))]

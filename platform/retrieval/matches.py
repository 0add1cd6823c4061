"""Hits of the index made into reference photos and products; what the shop has deleted falls out here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from retrieval.store import Hit
from tenants.models import Gallery, Region


@dataclass(frozen=True)
class ProductRef:
    """A product as answers show it."""

    id: UUID
    sku: str
    title: str
    category: str


@dataclass(frozen=True)
class Match:
    """A reference region near a query region, with the product it shows."""

    region_id: UUID
    image_id: UUID
    product: ProductRef
    box: tuple[float, float, float, float]
    similarity: float


def load_matches(gallery: Gallery, hits: Sequence[Sequence[Hit]]) -> list[list[Match]]:
    """The matches of each list of hits, order kept, in one query.

    A hit whose region is not a live, indexed one of this gallery is dropped: PostgreSQL is the truth.
    """
    regions = _load_regions(gallery, {hit.region_id for row in hits for hit in row})
    return [
        [_make_match(regions[hit.region_id], hit.similarity) for hit in row if hit.region_id in regions]
        for row in hits
    ]


def _load_regions(gallery: Gallery, region_ids: Iterable[int]) -> dict[int, Region]:
    found = Region.objects.filter(
        id__in=list(region_ids),
        image__gallery=gallery,
        image__state="indexed",
        image__deleted_at=None,
        image__product__deleted_at=None,
    )
    return {region.id: region for region in found.select_related("image__product")}


def _make_match(region: Region, similarity: float) -> Match:
    product = region.image.product
    return Match(
        region_id=region.uid,
        image_id=region.image_id,
        product=ProductRef(id=product.pk, sku=product.sku, title=product.title, category=product.category),
        box=region.box,
        similarity=similarity,
    )

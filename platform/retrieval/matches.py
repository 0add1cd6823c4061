"""Hits of the index made into reference photos and products; what the shop has deleted falls out here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Lookup
from django.db.models.sql.compiler import SQLCompiler

from retrieval.index.store import Hit
from tenants.models import Gallery, ReferenceImage, Region

_PRODUCT = (
    "image__product_id",
    "image__product__sku",
    "image__product__title",
    "image__product__category",
    "image__product__score_threshold",
)


@dataclass(frozen=True)
class ProductRef:
    """A product as answers show it, and the threshold that takes its gallery's place for it."""

    id: UUID
    sku: str
    title: str
    category: str
    score_threshold: float | None = None


@dataclass(frozen=True)
class Match:
    """A reference region near a query region, with the product it shows.

    similarity: cosine, -1 to 1 (of two binary codes that differ in h of b bits: 1 - 2 h / b). distance: the
    differing bits, where bits were searched. region_key: the region's key in the index.
    """

    region_key: int
    region_id: UUID
    image_id: UUID
    product: ProductRef
    box: tuple[float, float, float, float]
    similarity: float
    distance: int | None = None

    def with_similarity(self, similarity: float) -> "Match":
        """The same match, measured otherwise."""
        return replace(self, similarity=similarity)


class AnyOf(Lookup):
    """`column = ANY(array)`: one parameter, where `IN` has one a key, which takes longer than the query."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """The comparison, with the keys as one array."""
        column, params = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", (*params, list(self.rhs))


def load_matches(gallery: Gallery, hits: Sequence[Sequence[Hit]]) -> list[list[Match]]:
    """The matches of each list of hits, order kept, in one query.

    A hit whose region is not a live, indexed one of this gallery is dropped: PostgreSQL is the truth.
    """
    regions = _load_regions(gallery, {hit.region_id for row in hits for hit in row})
    return [
        [regions[hit.region_id](hit.similarity, hit.distance) for hit in row if hit.region_id in regions]
        for row in hits
    ]


def _load_regions(gallery: Gallery, region_ids: set[int]) -> dict[int, Callable[[float, int | None], Match]]:
    """What each region is, by its id; called with similarity and distance, it is a match.

    Plain columns, since hundreds of model instances a photo would cost more than the search did.
    """
    found = Region.objects.filter(
        AnyOf(F("id"), region_ids),
        image__gallery=gallery,
        image__state=ReferenceImage.State.INDEXED,
        image__deleted_at=None,
        image__product__deleted_at=None,
    ).values_list("id", "uid", "image_id", "x1", "y1", "x2", "y2", *_PRODUCT)
    return {
        key: partial(Match, key, uid, image_id, ProductRef(*product), (x1, y1, x2, y2))
        for key, uid, image_id, x1, y1, x2, y2, *product in found
    }

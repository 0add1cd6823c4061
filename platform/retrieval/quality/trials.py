"""Photos whose answer is known, as questions to a gallery: its own, and those kept beside them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db.models import Count, Q, QuerySet

from retrieval.index.gallery_index import GalleryIndex
from retrieval.quality.vectors import load_exemplar_vectors
from tenants.models import Exemplar, Gallery, Product, ReferenceImage, Region

Vectors = npt.NDArray[np.float32]
Keys = frozenset[int]
T = TypeVar("T")


@dataclass(frozen=True)
class Trial:
    """A photo that a gallery is asked with, and what is known of it.

    vectors    (r, d) compared unit vectors of its regions
    product    what it shows; None for nothing that the gallery has
    relevant   how many other photos of that product could be found
    own        keys, in the index, of the regions of this very photo, which must not be found
    siblings   keys of all regions of its product, hidden too when it is asked as a stranger
    exemplar   the distractor that it is, which must not count against itself
    """

    vectors: Vectors
    product: UUID | None = None
    relevant: int = 0
    own: Keys = frozenset()
    siblings: Keys = frozenset()
    exemplar: UUID | None = None


@dataclass(frozen=True)
class _Photo:
    id: UUID
    product: UUID
    keys: Keys


def list_reference_trials(
    index: GalleryIndex, *, limit: int, paired: bool = False, seed: int = 0
) -> list[Trial]:
    """At most `limit` regions of indexed references, drawn with the seed; one trial each.

    paired: only those whose product has another indexed photo.
    """
    regions = _list_regions(index.gallery)
    if paired:
        regions = regions.filter(image__product__in=list_paired_products(index.gallery).values("pk"))
    drawn = draw(list(regions.order_by("id").values_list("id", flat=True)), limit, seed)
    keys, vectors = index.load(drawn)
    products = set(regions.filter(id__in=drawn).values_list("image__product_id", flat=True))
    photos = _load_photos(index.gallery, products)
    photo_of = {key: photo for photo in photos for key in photo.keys}
    families = _group_photos(photos)
    return [
        _describe_reference(row[None], photo_of[key], families[photo_of[key].product])
        for key, row in zip(keys.tolist(), vectors, strict=True)
        if key in photo_of
    ]


def list_query_trials(index: GalleryIndex, *, limit: int, seed: int = 0) -> list[Trial]:
    """At most `limit` of the gallery's labelled queries; one whose SKU the gallery lacks is a stranger.

    A reference photo of the very same bytes is the query's own: it must not be found.
    """
    rows = Exemplar.objects.filter(
        gallery=index.gallery, role=Exemplar.Role.QUERY, state=Exemplar.State.INDEXED
    ).order_by("pk")
    queries = {row.pk: row for row in draw(list(rows), limit, seed)}
    products = _find_products(index.gallery, {query.sku for query in queries.values()})
    families = _group_photos(_load_photos(index.gallery, set(products.values())))
    copies = _find_copies(index.gallery, {query.sha256 for query in queries.values()})
    vectors = load_exemplar_vectors(index, queries)
    # Nothing was detected in one without vectors; it is asked all the same, in vain.
    nothing = np.zeros((0, index.width), np.float32)
    return [
        _describe_query(
            vectors.get(key, nothing),
            families.get(products.get(query.sku), []),
            copies.get(query.sha256, frozenset()),
        )
        for key, query in queries.items()
    ]


def list_distractor_trials(index: GalleryIndex, *, limit: int, seed: int = 0) -> list[Trial]:
    """At most `limit` of the tenant's distractors, strangers to every gallery."""
    rows = Exemplar.objects.filter(role=Exemplar.Role.DISTRACTOR, state=Exemplar.State.INDEXED)
    drawn = draw(list(rows.order_by("pk").values_list("pk", flat=True)), limit, seed)
    return [Trial(found, exemplar=key) for key, found in load_exemplar_vectors(index, drawn).items()]


def list_paired_products(gallery: Gallery) -> QuerySet[Product]:
    """Products with two indexed photos or more, so that each can be asked for with another."""
    indexed = Q(images__state=ReferenceImage.State.INDEXED, images__deleted_at=None)
    counted = Product.objects.filter(gallery=gallery, deleted_at=None).annotate(
        indexed_photos=Count("images", filter=indexed)
    )
    return counted.filter(indexed_photos__gte=2)


def draw(rows: Sequence[T], limit: int, seed: int) -> list[T]:
    """At most `limit` of the rows, in their order; the same ones each time."""
    if len(rows) <= limit:
        return list(rows)
    chosen = np.random.default_rng(seed).choice(len(rows), limit, replace=False)
    return [rows[place] for place in sorted(chosen.tolist())]


def _list_regions(gallery: Gallery) -> QuerySet[Region]:
    return Region.objects.filter(
        image__gallery=gallery,
        image__state=ReferenceImage.State.INDEXED,
        image__deleted_at=None,
        image__product__deleted_at=None,
    )


def _load_photos(gallery: Gallery, products: Collection[UUID]) -> list[_Photo]:
    """All indexed photos of the products."""
    rows = _list_regions(gallery).filter(image__product__in=products).order_by("image_id")
    keys: dict[tuple[UUID, UUID], list[int]] = {}
    for key, image, product in rows.values_list("id", "image_id", "image__product_id"):
        keys.setdefault((image, product), []).append(key)
    return [_Photo(image, product, frozenset(found)) for (image, product), found in keys.items()]


def _group_photos(photos: Iterable[_Photo]) -> dict[UUID | None, list[_Photo]]:
    families: dict[UUID | None, list[_Photo]] = {}
    for photo in photos:
        families.setdefault(photo.product, []).append(photo)
    return families


def _find_products(gallery: Gallery, skus: Collection[str]) -> dict[str, UUID]:
    rows = Product.objects.filter(gallery=gallery, deleted_at=None, sku__in=skus)
    return dict(rows.values_list("sku", "pk"))


def _find_copies(gallery: Gallery, digests: Collection[str]) -> dict[str, Keys]:
    """Keys of the regions of references with these bytes, by digest."""
    rows = _list_regions(gallery).filter(image__sha256__in=digests)
    found: dict[str, set[int]] = {}
    for digest, key in rows.values_list("image__sha256", "id"):
        found.setdefault(digest, set()).add(key)
    return {digest: frozenset(keys) for digest, keys in found.items()}


def _unite(photos: Iterable[_Photo]) -> Keys:
    return frozenset(key for photo in photos for key in photo.keys)


def _describe_reference(vectors: Vectors, photo: _Photo, family: Sequence[_Photo]) -> Trial:
    return Trial(vectors, photo.product, len(family) - 1, photo.keys, _unite(family))


def _describe_query(vectors: Vectors, family: Sequence[_Photo], copies: Keys) -> Trial:
    others = [photo for photo in family if not photo.keys & copies]
    product = family[0].product if family else None
    return Trial(vectors, product, len(others), copies, _unite(family))

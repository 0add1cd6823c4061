"""A gallery whose vectors are made, not embedded: products are clusters, so what is right is known."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.index.gallery_index import GalleryIndex, open_index
from retrieval.index.rows import space_of
from retrieval.index.store import VectorStore
from retrieval.index.writing import write_regions
from retrieval.settings.gallery import GallerySettings
from tenants.models import (
    Embedding,
    Exemplar,
    Gallery,
    Product,
    ReferenceImage,
    Region,
    Tenant,
    VectorIndex,
)
from tenants.scope import tenant_scope
from tests.retrieval.exemplars import add_exemplar

DIM = 64
MODEL = "made"
INDEX = {"embedders": [MODEL], "preset": "exact", "projection": "none"}
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ClusteredGallery:
    """The gallery, and the centre (p, DIM) of each of its products in order of their SKU."""

    gallery: Gallery
    products: list[Product]
    centres: Vectors

    def open(self) -> tuple[GalleryIndex, GallerySettings]:
        """Its live index, and its settings now."""
        gallery = Gallery.objects.get(pk=self.gallery.pk)
        settings = GallerySettings.parse(gallery.settings)
        index = open_index(gallery, settings.index)
        assert index is not None
        return index, settings


def draw_around(centres: Vectors, noise: float, seed: int) -> Vectors:
    """A unit vector near each centre (n, DIM); noise is its length beside the centre's 1."""
    random = np.random.default_rng(seed)
    found = centres + noise * _scale(random.normal(size=centres.shape))
    return np.asarray(_scale(found), np.float32)


def draw_centres(count: int, seed: int) -> Vectors:
    """Unit vectors (count, DIM) in all directions."""
    return np.asarray(_scale(np.random.default_rng(seed).normal(size=(count, DIM))), np.float32)


@contextmanager
def clustered_gallery(
    store: VectorStore,
    *,
    photos: Sequence[int],
    noise: float = 0.6,
    name: str = "acme",
    seed: int = 0,
    tenant: Tenant | None = None,
) -> Iterator[ClusteredGallery]:
    """A ready gallery, of a new tenant or this one, with so many indexed photos of each product.

    Its tenant is entered.
    """
    tenant = tenant or Tenant.objects.create(slug=f"{name}-{uuid.uuid4().hex[:8]}", name=name)
    with tenant_scope(tenant.pk):
        gallery = Gallery.objects.create(
            tenant=tenant,
            name=uuid.uuid4().hex,
            settings={"index": INDEX},
            state=Gallery.State.READY,
            generation=1,
        )
        centres = draw_centres(len(photos), seed)
        products = [
            Product.objects.create(tenant=tenant, gallery=gallery, sku=f"sku-{number:04}")
            for number in range(len(photos))
        ]
        index = _make_index(gallery)
        store.ensure_collection(space_of(index))
        owners = [at for at, count in enumerate(photos) for _ in range(count)]
        vectors = draw_around(centres[owners], noise, seed + 1)
        add_photos(gallery, [products[at] for at in owners], vectors)
        yield ClusteredGallery(gallery, products, centres)
        store.drop_collection(space_of(index))


def add_photos(gallery: Gallery, products: Sequence[Product], vectors: Vectors) -> list[ReferenceImage]:
    """An indexed photo of one region for each vector (n, DIM)."""
    owner = {"tenant_id": gallery.tenant_id}
    images = ReferenceImage.objects.bulk_create(
        ReferenceImage(
            **owner,
            gallery=gallery,
            product=product,
            filename="a.png",
            file="a.png",
            content_type="image/png",
            size=1,
            sha256=uuid.uuid4().hex * 2,
            state=ReferenceImage.State.INDEXED,
        )
        for product in products
    )
    regions = Region.objects.bulk_create(
        Region(**owner, image=image, x1=0, y1=0, x2=1, y2=1, score=1, source="whole") for image in images
    )
    Embedding.objects.bulk_create(
        Embedding(**owner, region=region, model=MODEL, vector=Embedding.pack(vector))
        for region, vector in zip(regions, vectors, strict=True)
    )
    (index,) = VectorIndex.objects.filter(gallery=gallery)
    seen = write_regions(gallery, index, [region.pk for region in regions])
    Gallery.objects.filter(pk=gallery.pk).update(index_timestamp=seen)
    return images


def add_gallery_exemplar(
    gallery: Gallery, regions: Iterable[Vectors], *, role: str = Exemplar.Role.DISTRACTOR, **fields: Any
) -> Exemplar:
    """An indexed exemplar with a region for each vector (DIM,); a query is the gallery's."""
    owner = gallery if role == Exemplar.Role.QUERY else None
    return add_exemplar(gallery.tenant_id, regions, MODEL, role=role, gallery=owner, **fields)


def _make_index(gallery: Gallery) -> VectorIndex:
    spec = GallerySettings.parse(gallery.settings).index.build_spec()
    return VectorIndex.objects.create(
        tenant_id=gallery.tenant_id,
        gallery=gallery,
        generation=1,
        model=MODEL,
        embedders=[MODEL],
        stored=VectorIndex.Stored.FLOAT,
        dim=DIM,
        width=DIM,
        spec=spec,
    )


def _scale(rows: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    lengths: npt.NDArray[np.floating[Any]] = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths

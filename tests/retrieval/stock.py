"""Galleries stocked with made vectors: rows as indexing leaves them, without files and without models."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.models import Job
from jobs.progress import run_job
from retrieval.analysers import embedder_dim
from retrieval.index.gallery_index import GalleryIndex, open_index
from retrieval.index.reindexing import build_index
from retrieval.index.rows import list_searched, space_of
from retrieval.index.store import VectorStore
from retrieval.index.tending import tend_gallery
from retrieval.settings.gallery import GallerySettings
from tenants.models import (
    Embedding,
    Gallery,
    Product,
    ReferenceImage,
    Region,
)
from tenants.scope import tenant_scope
from tests.retrieval.shelf import Shelf, drop_collections_of, open_shelf

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Photo:
    """An indexed photo of one region."""

    image: ReferenceImage
    region: Region
    product: Product


def draw_units(count: int, dim: int, seed: int) -> Vectors:
    """Unit vectors (count, dim) in all directions."""
    drawn = np.random.default_rng(seed).normal(size=(count, dim))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def draw_near(vectors: Vectors, noise: float, seed: int) -> Vectors:
    """A unit vector near each of these (n, dim); noise is its length beside their 1."""
    drawn = vectors + noise * draw_units(len(vectors), vectors.shape[1], seed)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def add_stock(
    gallery: Gallery, vectors: dict[str, Vectors], *, products: Sequence[Product], **fields: Any
) -> list[Photo]:
    """Indexed photos with the raw vectors (n, D) of each embedder, of the n products; in no index yet."""
    owner = {"tenant_id": gallery.tenant_id}
    stored = {"state": ReferenceImage.State.INDEXED, "filename": "a.png", "file": "none", **fields}
    images = ReferenceImage.objects.bulk_create(
        ReferenceImage(
            **owner, gallery=gallery, product=product, size=1, sha256=uuid.uuid4().hex * 2, **stored
        )
        for product in products
    )
    regions = Region.objects.bulk_create(
        Region(**owner, image=image, x1=0, y1=0, x2=1, y2=1, score=1, source="whole") for image in images
    )
    Embedding.objects.bulk_create(
        Embedding(**owner, region=region, model=model, vector=Embedding.pack(row))
        for model, rows in vectors.items()
        for region, row in zip(regions, rows, strict=True)
    )
    return [
        Photo(image, region, product)
        for image, region, product in zip(images, regions, products, strict=True)
    ]


def add_products(gallery: Gallery, count: int, **fields: Any) -> list[Product]:
    """New products of the gallery."""
    return Product.objects.bulk_create(
        Product(tenant_id=gallery.tenant_id, gallery=gallery, sku=f"sku-{uuid.uuid4().hex}", **fields)
        for _ in range(count)
    )


def stock_shelf(shelf: Shelf, count: int, *, seed: int = 0) -> list[Photo]:
    """So many photos of as many products, drawn for each embedder that the gallery's settings name."""
    names = GallerySettings.parse(shelf.gallery.settings).index.embedders
    vectors = {name: draw_units(count, embedder_dim(name), seed + at) for at, name in enumerate(names)}
    return add_stock(shelf.gallery, vectors, products=add_products(shelf.gallery, count))


@contextmanager
def stocked_shelf(store: VectorStore, count: int, *, name: str = "acme", **index: Any) -> Iterator[Shelf]:
    """A new tenant's gallery of so many photos, its index built, ready; its tenant is entered.

    index: settings of the index. A projection is fitted however few photos there are.
    """
    shelf = open_shelf(name, Gallery.State.PROVISIONING, index={"projection": "none", **index})
    with tenant_scope(shelf.tenant.id):
        try:
            stock_shelf(shelf, count)
            rebuild(shelf, asked=True)
            shelf.gallery.refresh_from_db()
            yield shelf
        finally:
            drop_collections_of(shelf, store)


def change_index(shelf: Shelf, **index: Any) -> None:
    """Say otherwise how the index is to be; nothing is built."""
    said = GallerySettings.parse(shelf.gallery.settings).index
    shelf.gallery.settings = {"index": {"embedders": list(said.embedders), "projection": "none", **index}}
    shelf.gallery.save(update_fields=["settings"])


def make_job(shelf: Shelf, kind: str = Job.Kind.REINDEX, **given: Any) -> Job:
    """A job of the gallery, which nobody is asked to run."""
    return Job.objects.create(
        tenant=shelf.tenant, gallery=shelf.gallery, kind=kind, trigger="test", input=given
    )


def rebuild(shelf: Shelf, **given: Any) -> Job:
    """Run a reindex job to its end; the job as it ended."""
    return run_again(make_job(shelf, **given))


def run_again(job: Job) -> Job:
    """Run a reindex job as a worker does, whoever held it before."""
    Job.objects.filter(pk=job.pk).update(leased_until="2020-01-01T00:00Z", attempts=0)
    with run_job(job.pk) as claimed:
        assert claimed is not None
        build_index(claimed)
    return Job.objects.get(pk=job.pk)


def tend(shelf: Shelf) -> None:
    """Look after the gallery as the sweeper has it done."""
    tend_gallery(Gallery.objects.get(pk=shelf.gallery.pk))


def read_gallery(shelf: Shelf) -> Gallery:
    """The gallery as it is now."""
    return Gallery.objects.get(pk=shelf.gallery.pk)


def open_live(shelf: Shelf, **index: Any) -> GalleryIndex:
    """The gallery's live index, searched with these settings over its own."""
    gallery = read_gallery(shelf)
    said = {**gallery.settings["index"], **index}
    opened = open_index(gallery, GallerySettings.parse({"index": said}).index)
    assert opened is not None
    return opened


def load_vectors(shelf: Shelf) -> tuple[list[int], dict[str, Vectors]]:
    """Keys, ascending, of all regions, and their raw vectors (n, D) of each model, as PostgreSQL has them."""
    rows = Embedding.objects.filter(region__image__gallery=shelf.gallery).order_by("region_id")
    keys = sorted(set(rows.values_list("region_id", flat=True)))
    return keys, {
        model: Embedding.unpack_all([bytes(row.vector) for row in rows.filter(model=model)])
        for model in set(rows.values_list("model", flat=True))
    }


def assert_whole(shelf: Shelf, store: VectorStore) -> None:
    """The live index holds the regions of PostgreSQL, each once, and no others."""
    live = Region.objects.filter(image__gallery=shelf.gallery, image__deleted_at=None)
    expected = sorted(live.filter(image__state="indexed").values_list("pk", flat=True))
    indexes = list_searched(read_gallery(shelf))
    assert indexes, "there is no live index"
    for index in indexes:
        held = store.list_ids(space_of(index), low=-(2**62), high=2**62, seen=None)
        assert held.tolist() == expected

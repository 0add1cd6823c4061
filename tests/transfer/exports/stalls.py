"""Galleries to export and to import into, and what is in them."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from jobs.models import Job
from jobs.progress import run_job
from jobs.turn import Turn
from retrieval.index.generations import begin_generation, go_live
from retrieval.index.store import VectorStore
from retrieval.photos.indexing import index_pending
from retrieval.recognition import RecognitionOptions, search_similar
from tenants.domain.galleries import create_gallery
from tenants.domain.products import create_product
from tenants.models import Gallery, Product, ReferenceImage, Region, Upload
from tenants.scope import tenant_scope
from tests.api.photos import draw_photo
from tests.retrieval.shelf import Shelf, add_bytes, drop_collections_of, open_shelf
from transfer.exports.running import run_export
from transfer.exports.starting import start_export
from transfer.imports.request import ImportRequest
from transfer.imports.running import run_import
from transfer.imports.starting import start_import

BOX = [10.0, 20.0, 200.0, 210.0]
BARE = "no photo yet"


@contextmanager
def stocked_stall(store: VectorStore) -> Iterator[Shelf]:
    """A new tenant's gallery with products of every kind, indexed; its tenant is entered."""
    shelf = open_shelf("acme")
    store.ensure_collection(shelf.space)
    with tenant_scope(shelf.tenant.id):
        try:
            stock(shelf)
            yield shelf
        finally:
            drop_collections_of(shelf, store)


def stock(shelf: Shelf) -> None:
    """Photos with and without a box, a near copy, one that fails, a bare product, and what was deleted."""
    full = create_product(
        gallery=shelf.gallery,
        sku="Größe 42/blau",
        title='Schuh "Ü", blau',
        category="shoes",
        attributes={"colour": "blue", "sizes": [41, 42], "nested": {"deep": None}},
        style_of=shelf.product,
        score_threshold=0.25,
    )
    for seed in (1, 2):
        add_bytes(shelf, draw_photo(seed))
    boxed = add_bytes(on(shelf, full), draw_photo(3))
    ReferenceImage.objects.filter(pk=boxed.pk).update(given_box=BOX)
    for tilt in (0.0, 0.5):
        add_bytes(on(shelf, full), draw_photo(4, tilt=tilt))
    add_bytes(on(shelf, full), b"\x89PNG\r\n\x1a\n no picture")
    index_pending(Turn(60, 60))
    create_product(
        gallery=shelf.gallery,
        sku=BARE,
        title="Coming soon",
        category="shoes",
        attributes={"colour": "red"},
        style_of=full,
        score_threshold=-0.5,
    )
    gone = create_product(gallery=shelf.gallery, sku="gone")
    deleted = add_bytes(on(shelf, gone), draw_photo(9))
    ReferenceImage.objects.filter(pk=deleted.pk).update(deleted_at=deleted.created_at)
    Product.objects.filter(pk=gone.pk).update(deleted_at=gone.created_at)


def on(shelf: Shelf, product: Product) -> Shelf:
    """The shelf with this product in front."""
    return Shelf(shelf.tenant, shelf.gallery, product)


def open_beside(shelf: Shelf, store: VectorStore) -> Gallery:
    """An empty gallery of the same tenant, ready."""
    gallery = create_gallery(
        tenant_id=shelf.tenant.id, name=f"copy {uuid.uuid4()}", settings=shelf.gallery.settings
    )
    go_live(gallery, begin_generation(gallery, asked=False, reuse=False))
    Gallery.objects.filter(pk=gallery.pk).update(state=Gallery.State.READY)
    gallery.refresh_from_db()
    store.ensure_collection(Shelf(shelf.tenant, gallery, shelf.product).space)
    return gallery


def ask_export(shelf: Shelf) -> Job:
    """A new export of the shelf's gallery, which has not begun."""
    return start_export(gallery=Gallery.objects.get(pk=shelf.gallery.pk), trigger="test")


def run_slice(job: Job) -> Job:
    """Run the export as a worker does that finds it abandoned; the job as it is then."""
    Job.objects.filter(pk=job.pk).update(leased_until="2020-01-01T00:00Z", attempts=0)
    with run_job(job.pk) as claimed:
        if claimed is not None:
            run_export(claimed)
    return Job.objects.get(pk=job.pk)


def import_upload(gallery: Gallery, upload: UUID, **request: Any) -> Job:
    """Import the upload into the gallery, to its end."""
    asked = ImportRequest(upload=upload, **request)
    job = start_import(gallery=gallery, request=asked, trigger="test")
    for _ in range(20):
        with run_job(job.pk) as claimed:
            if claimed is not None:
                run_import(claimed)
        job.refresh_from_db()
        if job.finished_at:
            return job
    raise AssertionError(f"the import does not end: {job}")


def describe_products(gallery: Gallery) -> list[tuple[Any, ...]]:
    """All that is said of each live product, in the order of their SKUs."""
    live = Product.objects.filter(gallery=gallery, deleted_at=None)
    fields = ("sku", "title", "category", "attributes", "style_of__sku", "score_threshold")
    return sorted(live.values_list(*fields), key=lambda row: str(row[0]))


def describe_photos(gallery: Gallery) -> list[tuple[Any, ...]]:
    """Product, bytes, name and box of each photo that did not fail."""
    live = ReferenceImage.objects.filter(gallery=gallery, deleted_at=None).exclude(state="failed")
    rows = live.values_list("product__sku", "sha256", "filename", "content_type", "given_box")
    return sorted(rows, key=str)


def describe_regions(gallery: Gallery) -> list[tuple[Any, ...]]:
    """The box of each region by the bytes of its photo."""
    regions = Region.objects.filter(image__gallery=gallery, image__deleted_at=None)
    return sorted(regions.values_list("image__sha256", "source", "x1", "y1", "x2", "y2"))


def search(gallery: Gallery, seed: int) -> list[tuple[str, float]]:
    """What the gallery finds for a photo like one of its own."""
    _, matches = search_similar(
        gallery_id=gallery.pk, data=draw_photo(seed, tilt=5), options=RecognitionOptions(top_k=10)
    )
    return [(ranked.match.product.sku, round(ranked.match.similarity, 4)) for ranked in matches]


def list_upload_files(shelf: Shelf, root: Any) -> list[str]:
    """Stored files of the tenant's uploads."""
    folder = root / str(shelf.tenant.id) / "uploads"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def list_known_files() -> list[str]:
    """Files that rows of uploads know of, of the tenant that is set."""
    chunks = [chunk for upload in Upload.objects.all() for chunk in upload.chunks.all()]
    return sorted(chunk.file.rpartition("/")[2] for chunk in chunks)

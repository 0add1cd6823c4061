"""A shop's gallery as rows, with photos as an upload leaves them: stored and pending."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from jobs.models import Job
from retrieval.analysers import default_embedder
from retrieval.index.generations import begin_generation, go_live
from retrieval.index.rows import space_of
from retrieval.index.space import Space
from retrieval.index.store import VectorStore
from tenants.domain.galleries import create_gallery
from tenants.domain.images import add_image
from tenants.domain.products import create_product
from tenants.domain.tenants import create_tenant
from tenants.models import Gallery, Product, ReferenceImage, Region, Tenant, VectorIndex
from tenants.scope import tenant_scope
from tests.api.photos import draw_photo

T = TypeVar("T")


@dataclass(frozen=True)
class Shelf:
    """A tenant with one gallery and one product in it."""

    tenant: Tenant
    gallery: Gallery
    product: Product

    @property
    def index(self) -> VectorIndex:
        """The gallery's newest index, live or not."""
        with tenant_scope(self.tenant.id):
            return VectorIndex.objects.filter(gallery=self.gallery).latest("generation")

    @property
    def space(self) -> Space:
        """Where the vectors of the newest index lie, as things are now."""
        return space_of(self.index)


def open_shelf(name: str, state: str = Gallery.State.READY, *, index: dict[str, Any] | None = None) -> Shelf:
    """A new tenant of this name with a gallery; a ready one has a live index, whose collection is left to
    the caller. `index` are settings of it.
    """
    tenant = create_tenant(slug=f"{name}-{uuid.uuid4().hex[:8]}", name=name)
    said = {"index": {"embedders": [default_embedder()], **(index or {})}}
    with tenant_scope(tenant.id):
        gallery = create_gallery(tenant_id=tenant.id, name="shelf", settings=said)
        product = create_product(gallery=gallery, sku="one")
        if state == Gallery.State.READY:
            go_live(gallery, begin_generation(gallery, asked=False, reuse=False))
        Gallery.objects.filter(pk=gallery.pk).update(state=state)
        gallery.refresh_from_db()
    return Shelf(tenant=tenant, gallery=gallery, product=product)


def list_collections(shelf: Shelf, store: VectorStore) -> list[str]:
    """The collections of the shelf's gallery, of whatever generation."""
    return [name for name in store.list_collections() if f"_g{shelf.gallery.pk.hex}_" in name]


def drop_collections_of(shelf: Shelf, store: VectorStore) -> None:
    """Leave no collection of the shelf's gallery."""
    for name in list_collections(shelf, store):
        store.drop_named(name)


@contextmanager
def cleared(shelf: Shelf) -> Iterator[Shelf]:
    """Enter the shelf's tenant; its rows of photos are gone before, whatever an earlier test left."""
    with tenant_scope(shelf.tenant.id):
        ReferenceImage.objects.filter(gallery=shelf.gallery).delete()
        yield shelf


def add_photos(shelf: Shelf, *seeds: int) -> list[ReferenceImage]:
    """Pending photos of the shelf's product, drawn from the seeds."""
    return [add_bytes(shelf, draw_photo(seed)) for seed in seeds]


def add_bytes(shelf: Shelf, data: bytes) -> ReferenceImage:
    """A pending photo of these bytes, whatever they are."""
    return add_image(product=shelf.product, filename="a.png", image_format="png", data=data).image


def list_states(images: list[ReferenceImage]) -> list[str]:
    """The photos' states now, in order."""
    states = dict(ReferenceImage.objects.filter(pk__in=[i.pk for i in images]).values_list("pk", "state"))
    return [states[image.pk] for image in images]


def list_region_ids(shelf: Shelf) -> set[int]:
    """The keys that the index must hold."""
    return set(Region.objects.filter(image__gallery=shelf.gallery).values_list("id", flat=True))


def list_stored_files(shelf: Shelf) -> set[str]:
    """The names of the files that lie in the storage for the gallery."""
    folder = settings.MEDIA_ROOT / str(shelf.tenant.id) / str(shelf.gallery.pk)
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def take_up(job: Job) -> Job:
    """The job as the worker has it that has claimed it."""
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    return Job.objects.get(pk=job.pk)


def run_together(shelf: Shelf, *works: Callable[[], T]) -> list[T]:
    """Run the works at once, each in a thread with a connection of its own, as the shelf's tenant."""

    def run(work: Callable[[], T]) -> T:
        try:
            with tenant_scope(shelf.tenant.id):
                return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))

"""A shop's gallery as rows, with photos as an upload leaves them: stored and pending."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings
from django.db import connection

from retrieval.analysers import default_embedder, embedder_dim
from retrieval.space import Space, space_of
from tenants.domain.images import add_image
from tenants.domain.products import create_product
from tenants.domain.tenants import create_tenant
from tenants.models import Gallery, Product, ReferenceImage, Region, Tenant
from tenants.scope import tenant_scope
from tests.api.photos import draw_photo

T = TypeVar("T")


@dataclass(frozen=True)
class Shelf:
    """A tenant with one gallery and one product in it."""

    tenant: Tenant
    gallery: Gallery
    product: Product
    space: Space


def open_shelf(name: str, state: str = Gallery.State.READY) -> Shelf:
    """A new tenant of this name with a gallery; its collection is left to the caller."""
    tenant = create_tenant(slug=f"{name}-{uuid.uuid4().hex[:8]}", name=name)
    with tenant_scope(tenant.id):
        gallery = Gallery.objects.create(
            tenant=tenant, name="shelf", embedder=default_embedder(), state=state
        )
        product = create_product(gallery=gallery, sku="one")
    space = space_of(gallery, dim=embedder_dim(gallery.embedder))
    return Shelf(tenant=tenant, gallery=gallery, product=product, space=space)


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

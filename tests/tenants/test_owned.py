"""The wall in the ORM, from every side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.models import Model

from tenants.errors import TenantRequired
from tenants.models import ApiKey, Embedding, Gallery, Membership, Product, ReferenceImage, Region
from tenants.queries.catalog import get_gallery, list_images, list_products
from tenants.scope import tenant_scope
from tests.tenants.rows import make_gallery, make_image, make_product, make_tenant

OWNED: list[type[Any]] = [ApiKey, Embedding, Gallery, Membership, Product, ReferenceImage, Region]


@dataclass(frozen=True)
class Rows:
    """What one tenant has."""

    gallery: Gallery
    product: Product
    image: ReferenceImage


@pytest.fixture
def acme(db: None) -> Rows:
    return make_rows("acme")


@pytest.fixture
def globex(db: None) -> Rows:
    return make_rows("globex")


def make_rows(name: str) -> Rows:
    gallery = make_gallery(make_tenant(name))
    product = make_product(gallery)
    return Rows(gallery, product, make_image(product))


QUERIES: dict[str, Callable[[Any], object]] = {
    "all": lambda model: list(model.objects.all()),
    "count": lambda model: model.objects.count(),
    "exists": lambda model: model.objects.exists(),
    "first": lambda model: model.objects.first(),
    "filter": lambda model: model.objects.filter(pk=None),
    "update": lambda model: model.objects.update(tenant=None),
    "delete": lambda model: model.objects.all().delete(),
    "in_bulk": lambda model: model.objects.in_bulk(),
    "default manager": lambda model: model._default_manager.count(),  # noqa: SLF001 - what Django itself uses
    "base manager": lambda model: model._base_manager.count(),  # noqa: SLF001 - the same
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("model", OWNED, ids=lambda model: model.__name__)
def test_query_without_a_tenant_raises(db: None, model: type[Model], query: Callable[[Any], object]) -> None:
    with pytest.raises(TenantRequired):
        query(model)


ROW_PATHS: dict[str, Callable[[Rows], object]] = {
    "reverse relation": lambda rows: list(rows.gallery.products.all()),
    "reverse relation of a product": lambda rows: rows.product.images.count(),
    "forward relation": lambda rows: Product.across_tenants.get(pk=rows.product.pk).gallery,
    "refresh_from_db": lambda rows: rows.gallery.refresh_from_db(),
    "save": lambda rows: rows.gallery.save(),
    "save of some fields": lambda rows: rows.gallery.save(update_fields=["name"]),
    "delete": lambda rows: rows.gallery.delete(),
    "catalog query": lambda rows: get_gallery(rows.gallery.pk),
}


@pytest.mark.parametrize("path", ROW_PATHS.values(), ids=ROW_PATHS)
def test_row_without_a_tenant_raises(acme: Rows, path: Callable[[Rows], object]) -> None:
    with pytest.raises(TenantRequired):
        path(acme)


@pytest.mark.parametrize("model", [Gallery, Product, ReferenceImage, Region, Embedding])
def test_query_sees_only_rows_of_the_tenant(acme: Rows, globex: Rows, model: Any) -> None:
    with tenant_scope(globex.gallery.tenant_id):
        assert {row.tenant_id for row in model.objects.all()} == {globex.gallery.tenant_id}
    both = [acme.gallery.tenant_id, globex.gallery.tenant_id]
    assert model.across_tenants.filter(tenant__in=both).count() == 2


def test_related_managers_of_anothers_row_are_empty(acme: Rows, globex: Rows) -> None:
    with tenant_scope(globex.gallery.tenant_id):
        assert not acme.gallery.products.exists()
        assert not acme.product.images.exists()
        assert not acme.image.regions.exists()
        assert not list_products(acme.gallery).exists()
        assert not list_images(acme.gallery).exists()


def test_prefetch_and_select_related_do_not_cross_the_wall(acme: Rows, globex: Rows) -> None:
    with tenant_scope(globex.gallery.tenant_id):
        found = Gallery.objects.prefetch_related("products__images").get()
        assert [product.pk for product in found.products.all()] == [globex.product.pk]
        assert not Product.objects.select_related("gallery").filter(gallery=acme.gallery).exists()


def test_forward_relation_to_anothers_row_does_not_exist(acme: Rows, globex: Rows) -> None:
    stray = Product.across_tenants.get(pk=acme.product.pk)
    with tenant_scope(globex.gallery.tenant_id), pytest.raises(Gallery.DoesNotExist):
        _ = stray.gallery


def test_refresh_of_anothers_row_does_not_exist(acme: Rows, globex: Rows) -> None:
    with tenant_scope(globex.gallery.tenant_id), pytest.raises(Gallery.DoesNotExist):
        acme.gallery.refresh_from_db()


def test_save_of_anothers_row_changes_nothing(acme: Rows, globex: Rows) -> None:
    acme.gallery.name = "taken over"
    with tenant_scope(globex.gallery.tenant_id), pytest.raises(DatabaseError), transaction.atomic():
        acme.gallery.save(update_fields=["name"])
    assert Gallery.across_tenants.get(pk=acme.gallery.pk).name == "shelf"


def test_update_of_anothers_row_changes_nothing(acme: Rows, globex: Rows) -> None:
    with tenant_scope(globex.gallery.tenant_id):
        assert Gallery.objects.filter(pk=acme.gallery.pk).update(name="taken over") == 0
    assert Gallery.across_tenants.get(pk=acme.gallery.pk).name == "shelf"


def test_delete_of_anothers_rows_deletes_nothing(acme: Rows, globex: Rows) -> None:
    with tenant_scope(globex.gallery.tenant_id):
        assert Product.objects.filter(pk=acme.product.pk).delete()[0] == 0
        acme.product.images.all().delete()
    assert Product.across_tenants.filter(pk=acme.product.pk).exists()
    assert ReferenceImage.across_tenants.filter(pk=acme.image.pk).exists()


def test_delete_of_ones_own_gallery_takes_all_it_holds_and_nothing_else(acme: Rows, globex: Rows) -> None:
    both = [acme.gallery.tenant_id, globex.gallery.tenant_id]
    with tenant_scope(acme.gallery.tenant_id):
        acme.gallery.delete()
    for model in (Gallery, Product, ReferenceImage, Region, Embedding):
        left = model.across_tenants.filter(tenant__in=both)
        assert [row.tenant_id for row in left] == [globex.gallery.tenant_id]

"""Galleries and products as the domain keeps them."""

import pytest

from tenants.domain.galleries import create_gallery, hide_gallery, update_gallery
from tenants.domain.products import create_product, delete_product, update_product
from tenants.errors import Conflict, NotFound
from tenants.models import Gallery
from tenants.queries.catalog import get_gallery, get_product
from tenants.scope import tenant_scope
from tests.tenants.rows import make_gallery, make_tenant


@pytest.fixture
def gallery(db: None) -> Gallery:
    return make_gallery(make_tenant("acme"))


def test_gallery_name_is_taken_only_within_its_tenant(gallery: Gallery) -> None:
    taken = {"name": gallery.name, "settings": {}}
    with tenant_scope(gallery.tenant_id), pytest.raises(Conflict) as refused:
        create_gallery(tenant_id=gallery.tenant_id, **taken)  # type: ignore[arg-type]
    assert refused.value.code == "gallery_name_taken"
    globex = make_tenant("globex").id
    with tenant_scope(globex):
        create_gallery(tenant_id=globex, **taken)  # type: ignore[arg-type]


def test_gallery_name_is_free_again_once_hidden(gallery: Gallery) -> None:
    with tenant_scope(gallery.tenant_id):
        assert hide_gallery(gallery=gallery)
        assert not hide_gallery(gallery=gallery)
        with pytest.raises(NotFound):
            get_gallery(gallery.pk)
        create_gallery(tenant_id=gallery.tenant_id, name=gallery.name, settings={})


def test_update_gallery_refuses_a_taken_name_and_keeps_the_row(gallery: Gallery) -> None:
    other = make_gallery(gallery.tenant, "other")
    with tenant_scope(gallery.tenant_id):
        with pytest.raises(Conflict) as refused:
            update_gallery(gallery=other, name=gallery.name)
        other.refresh_from_db()
    assert refused.value.code == "gallery_name_taken"
    assert other.name == "other"


def test_sku_is_taken_within_its_gallery_until_the_product_is_deleted(gallery: Gallery) -> None:
    with tenant_scope(gallery.tenant_id):
        first = create_product(gallery=gallery, sku="A1")
        with pytest.raises(Conflict) as refused:
            create_product(gallery=gallery, sku="A1")
        delete_product(product=first)
        again = create_product(gallery=gallery, sku="A1")
        with pytest.raises(NotFound):
            get_product(gallery, first.pk)
        assert get_product(gallery, again.pk) == again
    assert refused.value.code == "sku_taken"


def test_update_product_refuses_a_taken_sku_and_keeps_the_row(gallery: Gallery) -> None:
    with tenant_scope(gallery.tenant_id):
        create_product(gallery=gallery, sku="A1")
        second = create_product(gallery=gallery, sku="A2")
        with pytest.raises(Conflict):
            update_product(product=second, sku="A1")
        second.refresh_from_db()
    assert second.sku == "A2"


def test_product_of_one_gallery_is_not_found_in_another(gallery: Gallery) -> None:
    other = make_gallery(gallery.tenant, "other")
    with tenant_scope(gallery.tenant_id):
        product = create_product(gallery=gallery, sku="A1")
        with pytest.raises(NotFound):
            get_product(other, product.pk)

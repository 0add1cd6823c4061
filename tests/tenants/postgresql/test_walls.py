"""The wall in PostgreSQL stands around every table that belongs to tenants, and holds without the ORM's."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.models import Model

from tenants.errors import TenantRequired
from tenants.models import ApiKey, Embedding, Gallery, Product, ReferenceImage, Region, Tenant
from tenants.models.owned import TenantOwned
from tenants.scope import platform_scope, tenant_scope
from tests.tenants.postgresql.tables import (
    ask,
    change,
    list_references,
    name_table,
    owned_models,
    read_policies,
    read_references,
    read_security,
    walled_models,
)
from tests.tenants.rows import make_gallery, make_image, make_product, make_tenant

pytestmark = pytest.mark.django_db
FILLED: list[type[TenantOwned]] = [Gallery, Product, ReferenceImage, Region, Embedding]


@pytest.fixture
def acme() -> Tenant:
    return open_shop("acme")


@pytest.fixture
def globex() -> Tenant:
    return open_shop("globex")


def open_shop(name: str) -> Tenant:
    tenant = make_tenant(name)
    make_image(make_product(make_gallery(tenant)))
    return tenant


def key_of(model: type[TenantOwned], tenant: Tenant) -> object:
    return model.across_tenants.get(tenant=tenant).pk


@pytest.mark.parametrize("model", walled_models(), ids=name_table)
def test_table_has_its_wall(model: type[Model]) -> None:
    table = name_table(model)
    assert read_security(table) == (True, True)
    policies = read_policies(table)
    assert set(policies) == {"own_tenant", "platform_reads"}
    own, platform = policies["own_tenant"], policies["platform_reads"]
    column = "tenant_id" if issubclass(model, TenantOwned) else "id"
    assert own.command == "ALL"
    assert own.using
    assert own.using.startswith(f"({column} = ( SELECT (NULLIF(NULLIF(current_setting('vitrine.tenant'")
    assert own.check == own.using
    assert (platform.command, platform.check) == ("SELECT", None)


@pytest.mark.parametrize("model", owned_models(), ids=name_table)
def test_references_carry_the_tenant(model: type[Model]) -> None:
    found = read_references(name_table(model))
    owned = {name_table(one) for one in owned_models()}
    assert sorted(entry for entry in found if entry[0] in owned) == sorted(
        (name_table(field.related_model), ["tenant_id", field.column], ["tenant_id", "id"])
        for field in list_references(model)
    )


@pytest.mark.parametrize("model", FILLED, ids=lambda model: model.__name__)
def test_rows_of_another_tenant_are_not_there(acme: Tenant, globex: Tenant, model: type[TenantOwned]) -> None:
    count = f"SELECT count(*) FROM {name_table(model)} WHERE tenant_id = ANY(%s)"
    both = [acme.pk, globex.pk]
    with tenant_scope(globex.pk):
        assert ask(count, [globex.pk]) == [(1,)]
        assert ask(count, [acme.pk]) == [(0,)]
    assert ask(count, both) == [(0,)]
    with platform_scope():
        assert ask(count, both) == [(2,)]


def test_tenants_are_not_shown_to_each_other(acme: Tenant, globex: Tenant) -> None:
    names = "SELECT id FROM tenants_tenant WHERE id = ANY(%s)"
    with tenant_scope(globex.pk):
        assert ask(names, [acme.pk, globex.pk]) == [(globex.pk,)]
        assert not Tenant.objects.filter(pk=acme.pk).exists()
    assert ask(names, [acme.pk, globex.pk]) == []


@pytest.mark.parametrize("model", FILLED, ids=lambda model: model.__name__)
def test_rows_of_another_tenant_cannot_be_changed_or_deleted(
    acme: Tenant, globex: Tenant, model: type[TenantOwned]
) -> None:
    table, key = name_table(model), key_of(model, acme)
    for scope in (tenant_scope(globex.pk), platform_scope()):
        with scope:
            assert change(f"UPDATE {table} SET id = id WHERE id = %s", key) == 0
            assert change(f"DELETE FROM {table} WHERE id = %s", key) == 0
    assert change(f"DELETE FROM {table} WHERE id = %s", key) == 0
    assert key_of(model, acme) == key


@pytest.mark.parametrize("model", FILLED, ids=lambda model: model.__name__)
def test_row_cannot_be_handed_to_another_tenant(
    acme: Tenant, globex: Tenant, model: type[TenantOwned]
) -> None:
    hand_over = f"UPDATE {name_table(model)} SET tenant_id = %s WHERE tenant_id = %s"
    with tenant_scope(globex.pk), pytest.raises(ProgrammingError, match="row-level security"):
        change(hand_over, acme.pk, globex.pk)


ADD_GALLERY = """
INSERT INTO tenants_gallery
    (id, tenant_id, name, settings, state, generation, index_timestamp, created_at, updated_at)
VALUES (gen_random_uuid(), %s, 'slipped in', '{}', 'ready', 0, 0, now(), now())
"""
ADD_TENANT = """
INSERT INTO tenants_tenant (id, slug, name, created_at) VALUES (gen_random_uuid(), 'slipped-in', '', now())
"""


@pytest.mark.parametrize("enter", [lambda shop: tenant_scope(shop.pk), lambda _: platform_scope()])
def test_row_of_another_tenant_cannot_be_added(
    acme: Tenant, globex: Tenant, enter: Callable[[Tenant], AbstractContextManager[None]]
) -> None:
    for sql, params in ((ADD_GALLERY, [acme.pk]), (ADD_TENANT, [])):
        with enter(globex), pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            change(sql, *params)
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            change(sql, *params)
    with tenant_scope(acme.pk):
        assert change(ADD_GALLERY, acme.pk) == 1


POINTERS = {
    "product to gallery": (Product, "sku = 'another', gallery_id", Gallery),
    "product to product": (Product, "style_of_id", Product),
    "photo to product": (ReferenceImage, "product_id", Product),
    "region to photo": (Region, "image_id", ReferenceImage),
    "vector to region": (Embedding, "model = 'another', region_id", Region),
}


@pytest.mark.parametrize(("model", "what", "target"), POINTERS.values(), ids=POINTERS)
def test_row_cannot_point_at_another_tenants(
    acme: Tenant, globex: Tenant, model: type[TenantOwned], what: str, target: type[TenantOwned]
) -> None:
    point = f"UPDATE {name_table(model)} SET {what} = %s WHERE tenant_id = %s"
    with tenant_scope(globex.pk):
        # Looked at as the transaction ends, or when it is asked for.
        assert change(point, key_of(target, acme), globex.pk) == 1
        with pytest.raises(IntegrityError, match="of_tenant"):
            connection.check_constraints()


WRITES: dict[str, Callable[[], object]] = {
    "update": lambda: Gallery.across_tenants.update(name="taken over"),
    "delete": lambda: Gallery.across_tenants.all().delete(),
    "create": lambda: Gallery.across_tenants.create(name="new"),
    "bulk_create": lambda: Gallery.across_tenants.bulk_create([Gallery(name="new")]),
    "bulk_update": lambda: Gallery.across_tenants.bulk_update([Gallery(name="new")], ["name"]),
    "get_or_create": lambda: Gallery.across_tenants.get_or_create(name="nowhere"),
    "update_or_create": lambda: Gallery.across_tenants.update_or_create(name="nowhere"),
    "lock": lambda: Gallery.across_tenants.select_for_update().first(),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_across_tenants_does_not_write(acme: Tenant, write: Callable[[], object]) -> None:
    with tenant_scope(acme.pk), pytest.raises(TenantRequired, match="only reads"):
        write()


def test_across_tenants_reads_in_every_way_and_leaves_the_scope_as_it_was(
    acme: Tenant, globex: Tenant
) -> None:
    both = {acme.pk, globex.pk}
    with tenant_scope(acme.pk):
        rows = Gallery.across_tenants.filter(tenant__in=both).order_by("tenant_id")
        assert {row.tenant_id for row in rows} == both
        assert {row.tenant_id for row in rows.iterator(1)} == both
        assert set(rows.values_list("tenant_id", flat=True)) == both
        assert (rows.count(), rows.exists(), len(rows.in_bulk())) == (2, True, 2)
        assert "Policy" not in rows.explain()
        seen = [row.tenant_id for row, _ in zip(rows.iterator(1), Gallery.objects.iterator(1), strict=False)]
        assert seen == [min(both)]
        assert ask("SELECT tenant_id FROM tenants_gallery") == [(acme.pk,)]


def test_key_is_looked_up_before_its_tenant_is_known_and_not_past_it(acme: Tenant) -> None:
    with tenant_scope(acme.pk):
        ApiKey.objects.create(tenant=acme, name="till", prefix="aaaaaaaaaa", secret_hash="", scopes=[])
    assert ApiKey.across_tenants.select_related("tenant").get(prefix="aaaaaaaaaa").tenant == acme
    assert ask("SELECT count(*) FROM tenants_apikey") == [(0,)]

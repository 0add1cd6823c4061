"""Every statement carries the scope that is set as it is executed, and leaves nothing on the connection."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django import DjangoDbBlocker

from tenants.models import Gallery, Tenant
from tenants.scope import platform_scope, tenant_scope
from tests.tenants.postgresql.tables import ask
from tests.tenants.rows import make_gallery, make_tenant

pytestmark = pytest.mark.usefixtures("rows")
SEEN = "SELECT coalesce(current_setting('vitrine.tenant', true), '')"


@pytest.fixture
def rows(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """In autocommit, as the product runs: rows of tenants of the test's own."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def acme(rows: None) -> Tenant:
    return open_shop("acme")


@pytest.fixture
def globex(rows: None) -> Tenant:
    return open_shop("globex")


def open_shop(name: str) -> Tenant:
    tenant = make_tenant(name)
    for number in range(3):
        make_gallery(tenant, f"shelf {number}")
    return tenant


def see() -> str:
    """What PostgreSQL takes for the scope just now."""
    return str(ask(SEEN)[0][0])


def see_past_us() -> str:
    """The same, without telling it anything first."""
    found = connection.connection.pgconn.exec_(SEEN.encode()).get_value(0, 0)
    return bytes(found).decode()


def test_statement_in_autocommit_carries_the_scope_and_leaves_none(acme: Tenant, globex: Tenant) -> None:
    with tenant_scope(acme.pk):
        assert see() == str(acme.pk)
        assert see_past_us() == ""
        with tenant_scope(globex.pk):
            assert see() == str(globex.pk)
        with platform_scope():
            assert see() == "all"
        assert see() == str(acme.pk)
    assert see() == see_past_us() == ""


def test_statement_in_a_transaction_carries_the_scope_of_its_moment(acme: Tenant, globex: Tenant) -> None:
    with transaction.atomic():
        assert see() == ""
        with tenant_scope(acme.pk):
            assert see() == str(acme.pk)
            with tenant_scope(globex.pk):
                assert see() == str(globex.pk)
            assert see() == str(acme.pk)
        assert see() == ""
    assert see_past_us() == ""


def test_statement_after_a_rolled_back_savepoint_carries_the_scope(acme: Tenant, globex: Tenant) -> None:
    with transaction.atomic(), tenant_scope(acme.pk):
        with pytest.raises(DatabaseError), transaction.atomic(), tenant_scope(globex.pk):
            ask("SELECT 1 / 0")
        assert see() == str(acme.pk)
        with transaction.atomic(), tenant_scope(globex.pk):
            assert see() == str(globex.pk)
            transaction.set_rollback(True)
        assert see() == str(acme.pk)
    assert see_past_us() == ""


def test_transaction_that_failed_in_a_scope_can_be_left(acme: Tenant) -> None:
    with pytest.raises(DatabaseError), tenant_scope(acme.pk), transaction.atomic():
        ask("SELECT 1 / 0")
    with tenant_scope(acme.pk):
        assert see() == str(acme.pk)
    assert see_past_us() == ""


@pytest.mark.parametrize("size", [1, 2, 100])
def test_server_side_cursor_sees_the_scope_it_was_declared_in(
    acme: Tenant, globex: Tenant, size: int
) -> None:
    with tenant_scope(acme.pk):
        found = Gallery.objects.order_by("name").iterator(size)
        first = next(found)
    with tenant_scope(globex.pk):
        assert see() == str(globex.pk)
        rest = list(found)
    assert [row.name for row in (first, *rest)] == ["shelf 0", "shelf 1", "shelf 2"]
    assert {row.tenant_id for row in (first, *rest)} == {acme.pk}
    assert see_past_us() == ""


def test_server_side_cursor_in_a_transaction_sees_the_scope_it_was_declared_in(
    acme: Tenant, globex: Tenant
) -> None:
    with transaction.atomic():
        with tenant_scope(acme.pk):
            found = Gallery.objects.iterator(1)
            first = next(found)
        with tenant_scope(globex.pk):
            assert {row.tenant_id for row in Gallery.objects.iterator(1)} == {globex.pk}
        rest = list(found)
    assert [row.tenant_id for row in (first, *rest)] == [acme.pk] * 3


def test_many_executions_carry_the_scope_each(acme: Tenant) -> None:
    with tenant_scope(acme.pk), connection.cursor() as cursor:
        names = [("other", f"shelf {number}") for number in range(2)]
        cursor.executemany("UPDATE tenants_gallery SET name = %s || name WHERE name = %s", names)
        assert cursor.rowcount == 2
        assert Gallery.objects.filter(name__startswith="other").count() == 2


def test_cursor_shows_the_answer_of_the_statement_and_not_of_what_went_before(acme: Tenant) -> None:
    with tenant_scope(acme.pk), connection.cursor() as cursor:
        cursor.execute("SELECT name FROM tenants_gallery ORDER BY name")
        assert (cursor.rowcount, [column.name for column in cursor.description]) == (3, ["name"])
        assert cursor.fetchone() == ("shelf 0",)
        cursor.execute("UPDATE tenants_gallery SET name = name")
        assert cursor.rowcount == 3
        assert cursor.nextset() is None


def test_statement_costs_one_message_and_one_answer(acme: Tenant, tmp_path: Path) -> None:
    """PostgreSQL says once that it is ready again: there was one round trip."""
    trace = tmp_path / "trace"
    with tenant_scope(acme.pk), connection.cursor() as cursor, trace.open("w") as file:
        raw = connection.connection.pgconn
        raw.trace(file.fileno())
        cursor.execute("SELECT name FROM tenants_gallery")
        raw.untrace()
    lines = trace.read_text().splitlines()
    assert sum("ReadyForQuery" in line for line in lines) == 1
    assert sum("\tQuery\t" in line for line in lines) == 1


@pytest.mark.parametrize("said", ["", "all", "'; DROP TABLE tenants_gallery; --"])
def test_scope_takes_ids_only(said: Any) -> None:
    with pytest.raises(ValueError, match="badly formed"), tenant_scope(said):
        pytest.fail("entered")

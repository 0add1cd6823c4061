"""What PostgreSQL says of the tables that belong to tenants."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import ForeignKey, Model

from tenants.models import Tenant
from tenants.models.owned import TenantOwned


@dataclass(frozen=True)
class Policy:
    """A row of pg_policies. using, check: its conditions, as PostgreSQL prints them."""

    command: str
    using: str | None
    check: str | None


def owned_models() -> list[type[TenantOwned]]:
    """Every model whose rows belong to a tenant."""
    return [model for model in apps.get_models() if issubclass(model, TenantOwned)]


def walled_models() -> list[type[Model]]:
    """The same, and the tenant itself."""
    return [Tenant, *owned_models()]


def name_table(model: type[Model]) -> str:
    return model._meta.db_table  # noqa: SLF001 - Django's way to the name


def list_references(model: type[Model]) -> list["ForeignKey[Model, Model]"]:
    """The foreign keys to rows of the same tenant."""
    fields = [field for field in model._meta.local_fields if isinstance(field, ForeignKey)]  # noqa: SLF001 - Django's
    return [field for field in fields if issubclass(field.related_model, TenantOwned)]


def ask(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """The rows of a statement that went past the ORM."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def change(sql: str, *params: Any) -> int:
    """How many rows a statement changed that went past the ORM."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        changed: int = cursor.rowcount
    return changed


def read_security(table: str) -> tuple[bool, bool]:
    """(enabled, forced)."""
    (found,) = ask(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = to_regclass(%s)", table
    )
    return bool(found[0]), bool(found[1])


def read_policies(table: str) -> dict[str, Policy]:
    """The table's policies by name."""
    found = ask("SELECT policyname, cmd, qual, with_check FROM pg_policies WHERE tablename = %s", table)
    return {name: Policy(*rest) for name, *rest in found}


def read_references(table: str) -> list[tuple[str, list[str], list[str]]]:
    """(table referred to, own columns, its columns) of every foreign key."""
    found = ask(
        """
        SELECT confrelid::regclass::text,
               (SELECT array_agg(attname::text ORDER BY at) FROM unnest(conkey) WITH ORDINALITY AS k(n, at)
                  JOIN pg_attribute ON attrelid = conrelid AND attnum = n),
               (SELECT array_agg(attname::text ORDER BY at) FROM unnest(confkey) WITH ORDINALITY AS k(n, at)
                  JOIN pg_attribute ON attrelid = confrelid AND attnum = n)
          FROM pg_constraint WHERE contype = 'f' AND conrelid = to_regclass(%s)
        """,
        table,
    )
    return [(other, own, others) for other, own, others in found]

"""Row-level security on every tenant-owned table, raised by migrations.

A tenant's rows are seen and written while the tenant is set; while `all` is set (platform_scope of
tenants.scope) everybody's are seen and none is written; while nothing is set there are none. The setting is
read once a statement (the sub-select), not once a row. FORCE holds the owner too, so that a migration which
changes rows goes from tenant to tenant in tenant_scope().

A reference between two tenant-owned tables carries the tenant, so that no row can point at another tenant's:
row-level security alone does not see to that, since PostgreSQL checks references past it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RunPython
from django.db.models import ForeignKey, Model

from tenants.postgresql.cursors import SETTING
from tenants.scope import EVERY_TENANT

_SET = f"current_setting('{SETTING}', true)"
OWN = f"{{column}} = (SELECT NULLIF(NULLIF({_SET}, ''), '{EVERY_TENANT}')::uuid)"
EVERY = f"(SELECT {_SET} = '{EVERY_TENANT}')"
_RAISE = (
    "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
    f"CREATE POLICY own_tenant ON {{table}} USING ({OWN}) WITH CHECK ({OWN})",
    f"CREATE POLICY platform_reads ON {{table}} FOR SELECT USING ({EVERY})",
)
_LOWER = (
    "DROP POLICY IF EXISTS platform_reads ON {table}",
    "DROP POLICY IF EXISTS own_tenant ON {table}",
    "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
)
_DEFERRED = "DEFERRABLE INITIALLY DEFERRED"


def raise_walls(label: str) -> RunPython:
    """The operation that walls in the app's tables as they are then; it may be run again for newer ones."""

    def forwards(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        models = list_walled(apps, label)
        for model in models:
            # PostgreSQL tests a new reference against the rows that its owner sees.
            _execute(editor, model, _LOWER)
        for field in (field for model in models for field in list_references(model)):
            _carry_tenant(editor, field)
        for model in models:
            _execute(editor, model, _RAISE)

    def backwards(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        models = list_walled(apps, label)
        for model in models:
            _execute(editor, model, _LOWER)
        for field in (field for model in models for field in list_references(model)):
            _forget_tenant(editor, field)

    return RunPython(forwards, backwards)


def list_walled(apps: Apps, label: str) -> list[type[Model]]:
    """Models of the app whose rows belong to a tenant, and the tenant itself."""
    models = [model for model in apps.get_models() if model._meta.app_label == label]  # noqa: SLF001 - Django's
    return [model for model in models if find_tenant_column(model)]


def find_tenant_column(model: type[Model]) -> str:
    """The column that says whose the row is; empty where there is none."""
    if model._meta.label_lower == "tenants.tenant":  # noqa: SLF001 - Django's
        return "id"
    fields = [field for field in _list_foreign_keys(model) if field.name == "tenant"]
    return "tenant_id" if fields else ""


def list_references(model: type[Model]) -> Iterator["ForeignKey[Model, Model]"]:
    """The foreign keys that point at rows of the same tenant."""
    for field in _list_foreign_keys(model):
        if field.name != "tenant" and find_tenant_column(field.related_model) == "tenant_id":
            yield field


def _list_foreign_keys(model: type[Model]) -> list["ForeignKey[Model, Model]"]:
    return [field for field in model._meta.local_fields if isinstance(field, ForeignKey)]  # noqa: SLF001 - Django's


def _execute(editor: BaseDatabaseSchemaEditor, model: type[Model], statements: Iterable[str]) -> None:
    names = {"table": editor.quote_name(model._meta.db_table), "column": find_tenant_column(model)}  # noqa: SLF001 - Django's
    for statement in statements:
        editor.execute(statement.format(**names))


def _carry_tenant(editor: BaseDatabaseSchemaEditor, field: "ForeignKey[Model, Model]") -> None:
    """Put a reference by tenant and id in the place of one by id."""
    table, parent = field.model._meta.db_table, field.related_model._meta.db_table  # noqa: SLF001 - Django's
    key = f"{parent}_of_tenant"
    if key not in _find_constraints(editor, parent):
        editor.execute(f"ALTER TABLE {parent} ADD CONSTRAINT {key} UNIQUE (tenant_id, {_pk(field)})")
    _drop_references(editor, field)
    editor.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_{field.column}_of_tenant "
        f"FOREIGN KEY (tenant_id, {field.column}) REFERENCES {parent} (tenant_id, {_pk(field)}) {_DEFERRED}"
    )


def _forget_tenant(editor: BaseDatabaseSchemaEditor, field: "ForeignKey[Model, Model]") -> None:
    """A reference by id, as Django makes them. The parent's key stays: other tables may refer to it."""
    table, parent = field.model._meta.db_table, field.related_model._meta.db_table  # noqa: SLF001 - Django's
    _drop_references(editor, field)
    editor.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_{field.column}_fk "
        f"FOREIGN KEY ({field.column}) REFERENCES {parent} ({_pk(field)}) {_DEFERRED}"
    )


def _drop_references(editor: BaseDatabaseSchemaEditor, field: "ForeignKey[Model, Model]") -> None:
    table = field.model._meta.db_table  # noqa: SLF001 - Django's
    for name, found in _find_constraints(editor, table).items():
        if found["foreign_key"] and field.column in found["columns"]:
            editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {editor.quote_name(name)}")


def _find_constraints(editor: BaseDatabaseSchemaEditor, table: str) -> Mapping[str, Mapping[str, Any]]:
    with editor.connection.cursor() as cursor:
        return editor.connection.introspection.get_constraints(cursor, table)


def _pk(field: "ForeignKey[Model, Model]") -> str:
    return str(field.related_model._meta.pk.column)  # noqa: SLF001 - Django's

"""Galleries of the first version come through the migration to the second."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import QuerySet
from pytest_django import DjangoDbBlocker

from retrieval.settings.gallery import GallerySettings
from tenants.postgresql.roles import connected_as_owner

_SCHEMA = "first_version"
FIRST = {"detect": True, "max_regions": 5, "score_threshold": 0.85}


@pytest.fixture
def first_version(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Any]:
    """The models of the first version, in a schema of their own beside the test database's."""
    with django_db_blocker.unblock(), connected_as_owner(), connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {_SCHEMA}")
        cursor.execute(f"SET search_path TO {_SCHEMA}")
        try:
            yield migrate("0001_initial")
        finally:
            cursor.execute("SET search_path TO DEFAULT")
            cursor.execute(f"DROP SCHEMA {_SCHEMA} CASCADE")


def migrate(name: str) -> Any:
    """Bring the tenants' tables to this migration; their models as they are there."""
    executor = MigrationExecutor(connection)
    executor.migrate([("tenants", name)])
    return executor.loader.project_state([("tenants", name)]).apps


def rows_of(version: Any, model: str) -> "QuerySet[Any]":
    """All rows; the wall between tenants is not of this version."""
    return QuerySet(version.get_model("tenants", model))


@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        (FIRST, {}),
        ({**FIRST, "detect": False, "score_threshold": 0.9}, {"detect": False, "score_threshold": 0.9}),
    ],
    ids=["defaults", "set"],
)
def test_gallery_of_the_first_version_keeps_its_model_and_waits_for_a_new_index(
    first_version: Any, stored: dict[str, Any], kept: dict[str, Any]
) -> None:
    tenant = rows_of(first_version, "Tenant").create(slug="acme", name="Acme")
    row = rows_of(first_version, "Gallery").create(
        tenant=tenant, name="shelf", embedder="efficientnet_lite0", state="ready", settings=stored
    )

    second_version = migrate("0002_retrieval")

    gallery = rows_of(second_version, "Gallery").get(pk=row.pk)
    assert (gallery.state, gallery.generation, gallery.deleted_at) == ("provisioning", 1, None)
    assert gallery.settings == {**kept, "index": {"embedders": ["efficientnet_lite0"]}}
    settings = GallerySettings.parse(gallery.settings)
    assert settings.index.embedders == ("efficientnet_lite0",)
    assert settings.score_threshold == kept.get("score_threshold")

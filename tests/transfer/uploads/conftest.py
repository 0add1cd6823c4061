"""A shop that sends files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from tenants.models import Upload
from tenants.scope import tenant_scope
from tests.retrieval.shelf import Shelf, open_shelf


@pytest.fixture(scope="module")
def made(rows: None) -> Shelf:
    """Acme, with a gallery that has no index."""
    return open_shelf("acme", state="provisioning")


@pytest.fixture
def shop(made: Shelf, settings: Settings) -> Iterator[Shelf]:
    """Acme, without uploads of an earlier test; chunks are small."""
    settings.UPLOAD_CHUNK_BYTES = 1000
    with tenant_scope(made.tenant.id):
        Upload.objects.all().delete()
        for path in list_chunk_files(made):
            path.unlink()
        yield made


def list_chunk_files(shop: Shelf) -> list[Path]:
    """The stored files of the shop's uploads."""
    folder = Path(django_settings.MEDIA_ROOT) / str(shop.tenant.id) / "uploads"
    return sorted(folder.iterdir()) if folder.is_dir() else []

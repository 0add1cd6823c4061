"""A shop's gallery into which catalogues are imported."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from jobs.models import Job
from retrieval.index.store import VectorStore
from retrieval.photos.purging import purge_deleted
from tenants.models import Product, ReferenceImage
from tenants.scope import tenant_scope
from tests.retrieval.shelf import Shelf
from tests.transfer.imports.catalogues import Catalogue
from transfer.imports import retrying, running


@pytest.fixture
def shop(shelf: Shelf, store: VectorStore) -> Iterator[Shelf]:
    """The module's shelf with nothing in it: no product, photo, file or vector."""
    with tenant_scope(shelf.tenant.id):
        empty(shelf)
        yield shelf
        empty(shelf)


def empty(shelf: Shelf) -> None:
    Job.objects.all().delete()
    live = ReferenceImage.objects.filter(gallery=shelf.gallery, deleted_at=None)
    live.update(deleted_at="2020-01-01T00:00Z")
    purge_deleted()
    Product.objects.filter(gallery=shelf.gallery).delete()
    folder = Path(django_settings.MEDIA_ROOT) / str(shelf.tenant.id) / str(shelf.gallery.pk)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Catalogue], Catalogue]:
    """Have imports read this catalogue, whatever source they ask for."""

    def serve_catalogue(catalogue: Catalogue) -> Catalogue:
        for room in (running, retrying):
            monkeypatch.setattr(room, "open_source", lambda **_asked: catalogue)
        return catalogue

    return serve_catalogue

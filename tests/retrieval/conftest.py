"""Real rows and real collections, without the service's processes: these tests play the worker themselves."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from pytest_django import DjangoDbBlocker, Settings

from retrieval.index.store import VectorStore, connect_store
from tenants.models import Gallery
from tests.relay import Relay
from tests.retrieval.shelf import Shelf, drop_collections_of, open_shelf
from tests.tenants.rows import change_rows


@pytest.fixture(scope="module")
def rows(service_environment: dict[str, str], django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Rows that are committed, each under tenants of the test's own; files and collections of this run.

    The module's galleries are hidden at its end: they lack collections and files by then, and a service that
    starts later would look after every one of them.
    """
    with django_db_blocker.unblock():
        began = timezone.now()
        yield
        left = Gallery.across_tenants.filter(created_at__gte=began, deleted_at=None)
        change_rows(left, deleted_at=timezone.now())


@pytest.fixture(scope="module")
def store(service_environment: dict[str, str]) -> VectorStore:
    """The vector store as the product connects it."""
    return connect_store()


@pytest.fixture(scope="module")
def shelf(rows: None, store: VectorStore) -> Iterator[Shelf]:
    """Acme's gallery with a collection, shared by the module since a collection takes seconds to make."""
    opened = open_shelf("acme")
    store.ensure_collection(opened.space)
    yield opened
    drop_collections_of(opened, store)


@pytest.fixture
def milvus_relay(settings: Settings) -> Iterator[Relay]:
    """The store connects through a relay, so that Milvus can go away and come back."""
    address = urlsplit(django_settings.MILVUS_URI)
    relay = Relay(address.hostname or "", address.port or 0)
    settings.MILVUS_URI = f"http://127.0.0.1:{relay.port}"
    connect_store.cache_clear()
    yield relay
    connect_store.cache_clear()
    relay.close()

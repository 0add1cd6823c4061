"""An import into what is deleted while it runs: it ends without a crash, and nothing of it is left."""

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from django.conf import settings
from django.db import connection

from jobs.models import Job, JobItem
from jobs.progress import run_job
from retrieval.galleries import close_gallery, delete_gallery
from retrieval.index.store import VectorStore
from retrieval.tenants import close_tenant, delete_tenant
from tenants.models import Gallery, Product, ReferenceImage, Tenant
from tenants.scope import tenant_scope
from tests.api.photos import draw_photo
from tests.retrieval.estate import count_rows, list_files
from tests.retrieval.moments import act_after, act_before, once
from tests.retrieval.shelf import Shelf, drop_collections_of, list_collections, open_shelf
from tests.tenants.rows import change_rows
from tests.transfer.sources.packing import pack_zip
from transfer.imports import feeding, running
from transfer.imports.request import ImportRequest
from transfer.imports.running import run_import
from transfer.imports.starting import start_import
from transfer.uploads.receiving import store_upload

# None of them within a transaction, where whoever deletes would have to wait for its end.
MOMENTS = [
    (running, "list_source", act_before),
    (running, "list_source", act_after),
    (running, "link_styles", act_before),
    (feeding, "store_photos", act_before),
    (feeding, "store_photos", act_after),
]


@pytest.fixture
def shelf(rows: None, store: VectorStore) -> Iterator[Shelf]:
    opened = open_shelf("acme")
    store.ensure_collection(opened.space)
    with tenant_scope(opened.tenant.id):
        yield opened
    drop_collections_of(opened, store)


def begin_import(shelf: Shelf) -> Job:
    """An import of six photos of three products, which nobody runs yet."""
    photos = {f"sku-{seed % 3}/{seed}.png": draw_photo(seed) for seed in range(6)}
    upload = store_upload("catalogue.zip", io.BytesIO(pack_zip(photos)))
    gallery = Gallery.objects.get(pk=shelf.gallery.pk)
    return start_import(gallery=gallery, request=ImportRequest(upload=upload.pk), trigger="test")


def run(job: Job, work: Callable[[Job], None]) -> None:
    """Run the job for a slice as a worker does that finds it abandoned."""
    change_rows(Job.across_tenants.filter(pk=job.pk), leased_until="2020-01-01T00:00Z", attempts=0)
    with run_job(job.pk) as claimed:
        if claimed is not None:
            work(claimed)


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: f"{moment[2].__name__}-{moment[1]}")
def test_import_into_a_gallery_that_is_deleted_meanwhile_ends_as_cancelled(
    shelf: Shelf,
    store: VectorStore,
    monkeypatch: pytest.MonkeyPatch,
    moment: tuple[object, str, Callable[..., None]],
) -> None:
    owner, name, act = moment
    importing, deletions = begin_import(shelf), list[Job]()

    def close() -> None:
        with tenant_scope(shelf.tenant.id):
            gallery = Gallery.objects.get(pk=shelf.gallery.pk)
            deletions.append(close_gallery(gallery=gallery, trigger="test"))

    act(monkeypatch, owner, name, once(elsewhere(close)))
    run(importing, run_import)

    (deletion,) = deletions
    importing.refresh_from_db()
    assert (importing.state, importing.code, importing.leased_until) == ("cancelled", "cancelled", None)
    ReferenceImage.objects.update(leased_until=None)
    run(deletion, delete_gallery)
    deletion.refresh_from_db()
    assert (deletion.state, deletion.message) == ("succeeded", "")
    for model in (Gallery, Product, ReferenceImage, JobItem):
        assert not model.objects.exists()
    assert list_files(shelf.gallery.pk) == []
    assert list_collections(shelf, store) == []


def test_import_of_a_tenant_that_is_deleted_meanwhile_ends_as_cancelled(
    shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing, deletions = begin_import(shelf), list[Job]()
    act_after(
        monkeypatch,
        feeding,
        "store_photos",
        once(elsewhere(lambda: deletions.append(close_tenant(tenant=shelf.tenant, trigger="test")))),
    )
    run(importing, run_import)

    importing.refresh_from_db()
    assert (importing.state, importing.leased_until) == ("cancelled", None)
    ReferenceImage.objects.update(leased_until=None)
    run(deletions[0], delete_tenant)
    assert not Tenant.objects.filter(pk=shelf.tenant.pk).exists()
    assert sum(count_rows(shelf.tenant).values()) == 0
    assert list_files(shelf.tenant.id) == []
    assert list_collections(shelf, store) == []
    assert not (settings.MEDIA_ROOT / str(shelf.tenant.id)).exists()


def elsewhere(act: Callable[[], object]) -> Callable[[], None]:
    """As in another process: with a connection of its own, outside of any transaction that runs here."""

    def call() -> None:
        try:
            act()
        finally:
            connection.close()

    def act_elsewhere() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(copy_context().run, call).result()

    return act_elsewhere

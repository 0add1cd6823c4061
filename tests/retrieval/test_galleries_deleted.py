"""A gallery's end: nothing of it is left anywhere, and all else that its shop has stays."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.conf import settings
from pytest_django import Settings

from jobs.models import Job
from jobs.progress import run_job
from retrieval import galleries
from retrieval.galleries import close_gallery, delete_gallery
from retrieval.index.reindexing import build_index
from retrieval.index.store import VectorStore
from tenants.models import Gallery, ReferenceImage
from tenants.scope import tenant_scope
from tests.retrieval.estate import count_rows, find_mentions, list_files, open_estate
from tests.retrieval.moments import Killed, act_after, act_before, kill, once
from tests.retrieval.shelf import Shelf, drop_collections_of, list_collections, open_shelf
from tests.retrieval.stock import make_job
from tests.retrieval.test_tenants import Act
from tests.tenants.rows import change_rows

STEPS = ["drop_collections", "delete_exemplar_files", "delete_file", "delete_folder", "_delete_when_empty"]
# What a shop has beside its galleries: jobs tell what was done, distractors serve all galleries.
OF_THE_SHOP = {
    "jobs.Job",
    "tenants.ApiKey",
    "tenants.AuditEvent",
    "tenants.Exemplar",
    "tenants.ExemplarRegion",
    "tenants.IdempotentCall",
    "tenants.Invitation",
    "tenants.Membership",
    "tenants.MonthlyUsage",
    "tenants.Quota",
    "tenants.Upload",
    "tenants.UploadChunk",
    "tenants.Usage",
    "tenants.WebhookDelivery",
    "tenants.WebhookEndpoint",
}


@pytest.fixture
def estate(rows: None, store: VectorStore) -> Iterator[Shelf]:
    shelf = open_estate("acme", store)
    yield shelf
    drop_collections_of(shelf, store)


def run(shelf: Shelf, job_id: UUID) -> None:
    """Run the job as a worker does that finds it abandoned."""
    change_rows(Job.across_tenants.filter(pk=job_id), leased_until="2020-01-01T00:00Z", attempts=0)
    with tenant_scope(shelf.tenant.id), run_job(job_id) as job:
        if job is not None:
            delete_gallery(job)


def run_until(shelf: Shelf, job_id: UUID, monkeypatch: pytest.MonkeyPatch, act: Act, step: str) -> None:
    """Kill the worker before or after this step."""
    with monkeypatch.context() as patch:
        act(patch, galleries, step, kill)
        with pytest.raises(Killed):
            run(shelf, job_id)


def close(shelf: Shelf) -> Job:
    with tenant_scope(shelf.tenant.id):
        return close_gallery(gallery=Gallery.objects.get(pk=shelf.gallery.pk), trigger="test")


def test_deleted_gallery_leaves_nothing_anywhere_although_its_job_is_killed_at_every_step(
    estate: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = estate.gallery.pk
    images = ReferenceImage.across_tenants.filter(gallery=gallery).values_list("pk", flat=True)
    ids = [gallery, estate.product.pk, *images]
    orphan = settings.MEDIA_ROOT / str(estate.tenant.id) / str(gallery) / "of-a-killed-worker.png"
    orphan.write_bytes(b"x")
    assert len(list_files(gallery)) > 5

    job = close(estate)
    for step in STEPS:
        for act in (act_before, act_after):
            run_until(estate, job.pk, monkeypatch, act, step)
    run(estate, job.pk)

    ended = Job.across_tenants.get(pk=job.pk)
    assert (ended.state, ended.gallery_id) == ("succeeded", None)
    assert {label for label, count in count_rows(estate.tenant).items() if count} == OF_THE_SHOP
    # The log of deliveries keeps what it has told, and the audit log who deleted it.
    assert find_mentions(*ids) <= {"tenants.WebhookDelivery", "tenants.AuditEvent"}
    assert list_files(gallery) == []
    assert list_collections(estate, store) == []
    kept = list_files(estate.tenant.id)
    assert any("/distractors/" in name for name in kept)
    assert any("/uploads/" in name for name in kept)


def test_deletion_goes_on_in_another_slice_and_counts_all_photos(
    estate: Shelf, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INDEX_SLICE_S = -1
    monkeypatch.setattr(galleries, "_BATCH", 1)
    job = close(estate)
    for done in (1, 2, 3):
        run(estate, job.pk)
        told = Job.across_tenants.get(pk=job.pk)
        assert (told.state, told.done, told.total) == ("pending", done, 3)
    run(estate, job.pk)
    ended = Job.across_tenants.get(pk=job.pk)
    assert (ended.state, ended.done, ended.total) == ("succeeded", 3, 3)
    assert not Gallery.across_tenants.filter(pk=estate.gallery.pk).exists()


def test_reindex_of_a_gallery_that_is_deleted_meanwhile_ends_as_cancelled_and_leaves_no_collection(
    rows: None, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = open_shelf("acme")
    deletions: list[Job] = []

    def delete_meanwhile() -> None:
        deletions.append(close(shelf))
        run(shelf, deletions[0].pk)

    act_before(monkeypatch, VectorStore, "ensure_collection", once(delete_meanwhile))
    with tenant_scope(shelf.tenant.id):
        reindex = make_job(shelf, asked=True)
        with run_job(reindex.pk) as job:
            assert job is not None
            build_index(job)

    (deletion,) = deletions
    waiting = Job.across_tenants.get(pk=deletion.pk)
    assert waiting.state == "pending", "a worker was still at the reindex"
    ended = Job.across_tenants.get(pk=reindex.pk)
    assert (ended.state, ended.code) == ("cancelled", "cancelled")
    run(shelf, deletion.pk)
    assert not Gallery.across_tenants.filter(pk=shelf.gallery.pk).exists()
    assert list_collections(shelf, store) == []
